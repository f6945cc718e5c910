// Light, dark, or as the system says. The choice is remembered in this browser.

import { createSignal } from 'solid-js';

export const themes = ['system', 'light', 'dark'] as const;
export type Theme = (typeof themes)[number];

const storageKey = 'aegir-theme';
const [theme, setSignal] = createSignal<Theme>(stored());

export { theme };

function stored(): Theme {
  try {
    return themes.find(one => one === localStorage.getItem(storageKey)) ?? 'system';
  } catch {
    // Storage may be forbidden; the switch then holds until the page is left.
    return 'system';
  }
}

export function setTheme(next: Theme): void {
  setSignal(next);
  applyTheme();
  try {
    localStorage.setItem(storageKey, next);
  } catch {
    // As above.
  }
}

export function applyTheme(): void {
  const root = document.documentElement;
  if (theme() === 'system') delete root.dataset.theme;
  else root.dataset.theme = theme();
}
