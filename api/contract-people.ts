// Shapes of the API about people, their sessions and their tokens.
//
//   GET    /api/people, POST {name, email, role}              PersonView[]; POST answers {url} of a one-time link once; administrators
//   PATCH  /api/people/:id {name?, email?, role?}             PersonView
//   DELETE /api/people/:id                                    204; 409 for the only administrator
//   POST   /api/people/:id/sign-in-links                      {url}; their password, second factor and sessions end
//   GET    /api/sessions, DELETE /api/sessions/:id            SessionEntryView[], one's own
//   GET    /api/tokens, POST {name, role?, days?}, DELETE /:id   TokenView[], one's own; POST answers {token} once

import type { Role } from '../model/access.ts';

export interface PersonView {
  id: string;
  name: string;
  email: string;
  role: Role;
  /** False until they have followed their link and set one. */
  hasPassword: boolean;
  /** A code of an authenticator is asked for beside it. */
  hasSecondFactor: boolean;
  createdAt: string;
  /** By a browser or a token; a browser counts once a day. */
  lastSeenAt: string | null;
}

export interface LinkView {
  /** Signs in once. */
  url: string;
  expiresAt: string;
}

export interface SessionEntryView {
  id: string;
  /** The one that asks. */
  isThis: boolean;
  createdAt: string;
  expiresAt: string;
  /** From which it signed in. */
  address: string | null;
  /** As it calls itself (User-Agent). */
  browser: string | null;
}

export interface TokenView {
  id: string;
  name: string;
  /** Null = that of the person at the time. */
  role: Role | null;
  createdAt: string;
  lastUsedAt: string | null;
  /** Null = never. */
  expiresAt: string | null;
}
