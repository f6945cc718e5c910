// What the API answers about the keys that seal stored secrets.

export interface KeyView {
  /** Derived from the key, tells nothing of it. */
  id: string;
  seals: boolean;
  since: string | null;
  retiredAt: string | null;
  /** Stored secrets that only this key opens. */
  secrets: number;
  /** Runs in the engine that may need it; null where that is not known yet. */
  runs: number | null;
  mayGo: boolean;
  reason: string;
}

export interface RotationView {
  resealed: number;
  /** Ids of secrets that no key opens. */
  lost: string[];
  keys: KeyView[];
}
