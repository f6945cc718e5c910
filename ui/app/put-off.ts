// Who said “Later” when asked for a first password. It is remembered in this tab: a reload does not ask again.

import { createSignal } from 'solid-js';

const storageKey = 'aegir-password-later';
const [user, setUser] = createSignal(stored());

function stored(): string | null {
  try {
    return sessionStorage.getItem(storageKey);
  } catch {
    // Storage may be forbidden; it then holds until the page is left.
    return null;
  }
}

export const isPutOff = (userId: string): boolean => user() === userId;

export function putOff(userId: string): void {
  setUser(userId);
  try {
    sessionStorage.setItem(storageKey, userId);
  } catch {
    // As above.
  }
}
