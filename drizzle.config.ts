import { defineConfig } from 'drizzle-kit';

export default defineConfig({
  dialect: 'postgresql',
  schema: './model/store/schema/*.ts',
  out: './model/store/migrations',
});
