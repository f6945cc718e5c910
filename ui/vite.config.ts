// Builds the pages into ui/dist, which the API serves. Nothing is inlined: the content security policy forbids it.

import { defineConfig } from 'vite';
import solid from 'vite-plugin-solid';

export default defineConfig({
  plugins: [solid()],
  build: {
    outDir: 'dist',
    emptyOutDir: true,
    assetsInlineLimit: 0,
    // light-dark(), which every colour uses, is in browsers from these versions on.
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
  },
});
