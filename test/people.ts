// Further people of an Aegir under test: added by its administrator, signed in by their link, with a token of their own.

import type { PersonView } from '../api/contract-people.ts';
import type { Role } from '../model/access.ts';
import type { Aegir } from './harness.ts';

export interface Invited extends PersonView {
  url: string;
}

export const invite = (aegir: Aegir, role: Role, name: string = role): Promise<Invited> =>
  aegir.send('POST', '/api/people', { name, email: `${name}@example.org`, role });

/** Follows a link in a browser of its own. @returns its headers */
export async function followLink(aegir: Aegir, url: string): Promise<{ cookie: string }> {
  const token = new URL(url).searchParams.get('link');
  const { status, headers } = await aegir.call('POST', '/api/sign-in-link', { token }, { token: '' });
  if (status !== 204) throw new Error(`The link is answered with ${status}.`);
  return { cookie: headers.get('set-cookie')?.split(';')[0] ?? '' };
}

/** An API token of a new person with this role, whose address is `<name>@example.org`. */
export async function tokenOf(aegir: Aegir, role: Role, name: string = role): Promise<string> {
  const headers = await followLink(aegir, (await invite(aegir, role, name)).url);
  const { status, body } = await aegir.call<{ token: string }>('POST', '/api/tokens', { name }, { token: '', headers });
  if (status !== 201) throw new Error(`A token is answered with ${status}: ${JSON.stringify(body)}`);
  return body.token;
}
