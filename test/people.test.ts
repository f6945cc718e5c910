// People and their ways in: invited, changed, removed; sessions and tokens with a role and an end.

import { base32 } from '@better-auth/utils/base32';
import { createOTP } from '@better-auth/utils/otp';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import type { AuditView, Page, ProblemJson, SessionView } from '../api/contract.ts';
import type { PersonView, SessionEntryView, TokenView } from '../api/contract-people.ts';
import { aegirCommand } from './cli.ts';
import { type Aegir, startAegir } from './harness.ts';
import { followLink, invite, tokenOf } from './people.ts';

const password = 'correct horse battery';
let aegir: Aegir;
let database: pg.Client;

beforeAll(async () => {
  aegir = await startAegir();
  database = new pg.Client({ connectionString: aegir.databaseUrl });
  await database.connect();
});
afterAll(async () => {
  await database?.end();
  await aegir?.stop();
});

const people = () => aegir.send<PersonView[]>('GET', '/api/people');
const refusal = async (method: string, path: string, body?: unknown, options?: Parameters<Aegir['call']>[3]) => {
  const answer = await aegir.call<ProblemJson>(method, path, body, options);
  return [answer.status, answer.body.detail];
};
const signIn = async (email: string, word: string) =>
  (
    await aegir.call(
      'POST',
      '/api/auth/sign-in/email',
      { email, password: word },
      { token: '', headers: { origin: aegir.url } },
    )
  ).status;
const sessionOf = (headers: Record<string, string>) =>
  aegir.call<SessionView>('GET', '/api/session', undefined, { token: '', headers });

const cookiesOf = (headers: Headers) =>
  headers
    .getSetCookie()
    .map(cookie => cookie.split(';')[0])
    .join('; ');
/** As better-auth has it; the address has it in base 32. */
const secretOf = (uri: string) =>
  new TextDecoder().decode(base32.decode(new URL(uri).searchParams.get('secret') ?? ''));

test('somebody is invited, follows the link once and sets a password, but no other address', async () => {
  const invited = await aegir.send<PersonView & { url: string }>('POST', '/api/people', {
    ...{ name: ' Grace ', email: 'Grace@Example.org', role: 'operator' },
  });
  expect(invited).toMatchObject({ name: 'Grace', email: 'grace@example.org', role: 'operator', hasPassword: false });
  const headers = await followLink(aegir, invited.url);
  await expect(followLink(aegir, invited.url)).rejects.toThrow('401');
  expect((await sessionOf(headers)).body).toMatchObject({ role: 'operator', needsPassword: true });
  const asPerson = { token: '', headers };
  const stolen = { password, email: 'administrator@aegir.localhost', name: 'Grace' };
  expect(await refusal('POST', '/api/session/password', stolen, asPerson)).toEqual([
    422,
    expect.stringContaining('Your address here is grace@example.org'),
  ]);
  expect((await aegir.call('POST', '/api/session/password', { password, name: 'Grace H.' }, asPerson)).status).toBe(
    204,
  );
  expect(await signIn('GRACE@example.org', password)).toBe(200);
  const grace = (await people()).find(({ id }) => id === invited.id);
  expect(grace).toMatchObject({ name: 'Grace H.', hasPassword: true, lastSeenAt: expect.any(String) });
});

test('an address belongs to one person, and every mistake is told', async () => {
  const again = { name: 'Other', email: 'grace@example.org', role: 'viewer' };
  expect(await refusal('POST', '/api/people', again)).toEqual([409, 'grace@example.org belongs to somebody already.']);
  const { body } = await aegir.call<ProblemJson>('POST', '/api/people', { name: '', email: 'no', role: 'king' });
  expect(body.problems?.map(({ path }) => path).sort()).toEqual(['email', 'name', 'role']);
});

test('the first administrator chooses an address that is nobody’s', async () => {
  const headers = await followLink(aegir, (await aegir.send<{ url: string }>('POST', '/api/sign-in-links')).url);
  const asFirst = { token: '', headers };
  const taken = await refusal('POST', '/api/session/password', { password, email: 'grace@example.org' }, asFirst);
  expect(taken).toEqual([409, 'grace@example.org belongs to somebody already.']);
  const own = { password, email: 'Ada@example.org', name: 'Ada' };
  expect((await aegir.call('POST', '/api/session/password', own, asFirst)).status).toBe(204);
  expect(await signIn('ada@example.org', password)).toBe(200);
});

test('another role counts at once; whoever is removed has no way in any more', async () => {
  const person = await invite(aegir, 'viewer', 'linus');
  const headers = await followLink(aegir, person.url);
  const asPerson = { token: '', headers };
  const { token } = (await aegir.call<{ token: string }>('POST', '/api/tokens', { name: 'x' }, asPerson)).body;
  const cluster = { values: { name: 'farm', kind: 'servers' } };
  expect((await aegir.call('POST', '/api/clusters', cluster, { token })).status).toBe(403);
  await aegir.send('PATCH', `/api/people/${person.id}`, { role: 'engineer' });
  expect((await aegir.call('POST', '/api/clusters', cluster, { token })).status).toBe(201);
  const stream = await fetch(`${aegir.url}/api/events`, { headers: { authorization: `Bearer ${token}` } });
  await aegir.send('DELETE', `/api/people/${person.id}`);
  expect((await aegir.call('GET', '/api/clusters', undefined, { token })).status).toBe(401);
  // It ends.
  expect(await stream.text()).toContain(': alive');
  expect((await sessionOf(headers)).status).toBe(401);
  const left = await database.query('select from apikey where reference_id = $1', [person.id]);
  expect(left.rowCount).toBe(0);
  // Their address is free again.
  await aegir.send('DELETE', `/api/people/${(await invite(aegir, 'viewer', 'linus')).id}`);
});

test('a new link ends password and sessions, and leads to a new password', async () => {
  const person = await invite(aegir, 'viewer', 'ken');
  const headers = await followLink(aegir, person.url);
  await aegir.call('POST', '/api/session/password', { password }, { token: '', headers });
  const { url } = await aegir.send<{ url: string }>('POST', `/api/people/${person.id}/sign-in-links`);
  expect((await sessionOf(headers)).status).toBe(401);
  expect(await signIn('ken@example.org', password)).toBe(401);
  const again = await followLink(aegir, url);
  expect((await sessionOf(again)).body.needsPassword).toBe(true);
});

test('the only administrator is neither removed nor made anything else, also by two at once', async () => {
  const [first] = (await people()).filter(({ role }) => role === 'administrator');
  const only = [409, 'This is the only administrator. Make somebody else an administrator first.'];
  expect(await refusal('DELETE', `/api/people/${first?.id}`)).toEqual(only);
  expect(await refusal('PATCH', `/api/people/${first?.id}`, { role: 'viewer' })).toEqual(only);
  const second = await invite(aegir, 'administrator', 'second');
  const third = await invite(aegir, 'administrator', 'third');
  const all = [first, second, third].map(each => `/api/people/${each?.id}`);
  const answers = await Promise.all(all.map(path => aegir.call('PATCH', path, { role: 'viewer' })));
  expect(answers.map(({ status }) => status).filter(status => status === 200)).toHaveLength(2);
  expect((await people()).filter(({ role }) => role === 'administrator')).toHaveLength(1);
  const [left] = (await people()).filter(({ role }) => role === 'administrator');
  await aegir.send('PATCH', `/api/people/${first?.id}`, { role: 'administrator' });
  for (const { id } of [second, third]) await aegir.send('DELETE', `/api/people/${id}`);
  expect(left).toBeDefined();
});

test('a token does no more than its role, never more than its person, and ends', async () => {
  const headers = await followLink(aegir, (await invite(aegir, 'operator', 'ops')).url);
  const make = (body: object) =>
    aegir.call<TokenView & { token: string }>('POST', '/api/tokens', { name: 'ci', ...body }, { token: '', headers });
  expect((await make({ role: 'administrator' })).status).toBe(403);
  const { body: reader } = await make({ role: 'viewer', days: 7 });
  expect(Date.parse(reader.expiresAt ?? '') - Date.now()).toBeGreaterThan(6.9 * 24 * 3600 * 1000);
  const as = (token: string) => ({ token });
  expect((await aegir.call<SessionView>('GET', '/api/session', undefined, as(reader.token))).body.role).toBe('viewer');
  expect((await aegir.call('POST', '/api/environments', { values: {} }, as(reader.token))).status).toBe(403);
  const { body: full } = await make({ role: 'operator' });
  const { body: mine } = await make({});
  const ops = (await people()).find(({ name }) => name === 'ops');
  await aegir.send('PATCH', `/api/people/${ops?.id}`, { role: 'viewer' });
  for (const { token } of [full, mine])
    expect((await aegir.call<SessionView>('GET', '/api/session', undefined, as(token))).body.role).toBe('viewer');
  await database.query(`update apikey set expires_at = now() - interval '1 second' where id = $1`, [reader.id]);
  expect((await aegir.call('GET', '/api/session', undefined, as(reader.token))).status).toBe(401);
});

test('a second factor is asked for beside the password; a backup code works once, a new link ends it', async () => {
  const person = await invite(aegir, 'viewer', 'alan');
  const first = await followLink(aegir, person.url);
  await aegir.call('POST', '/api/session/password', { password }, { token: '', headers: first });
  const auth = (path: string, body: object, headers: Record<string, string>) =>
    aegir.call<Record<string, unknown>>('POST', `/api/auth/${path}`, body, {
      token: '',
      headers: { origin: aegir.url, ...headers },
    });
  expect((await auth('two-factor/enable', { password: 'something else' }, first)).status).toBe(400);
  const { body: made } = await auth('two-factor/enable', { password }, first);
  const { backupCodes, totpURI } = made as { backupCodes: string[]; totpURI: string };
  const code = () => createOTP(secretOf(totpURI)).totp();
  // Nothing is asked for until the authenticator has shown that it knows the secret.
  expect(await signIn('alan@example.org', password)).toBe(200);
  expect((await auth('two-factor/verify-totp', { code: '000000' }, first)).status).toBe(401);
  expect((await auth('two-factor/verify-totp', { code: await code() }, first)).status).toBe(200);
  expect((await people()).find(({ id }) => id === person.id)?.hasSecondFactor).toBe(true);

  const half = await auth('sign-in/email', { email: person.email, password }, {});
  expect([half.status, half.body]).toEqual([200, expect.objectContaining({ twoFactorRedirect: true })]);
  const cookie = cookiesOf(half.headers);
  expect((await sessionOf({ cookie })).status).toBe(401);
  expect((await auth('two-factor/verify-totp', { code: '000000' }, { cookie })).status).toBe(401);
  const { items } = await aegir.send<Page<AuditView>>('GET', '/api/audit?limit=1');
  expect(items).toMatchObject([{ verb: 'fail to give a code as', objectName: 'alan@example.org' }]);
  const whole = await auth('two-factor/verify-totp', { code: await code() }, { cookie });
  expect((await sessionOf({ cookie: cookiesOf(whole.headers) })).body.hasSecondFactor).toBe(true);

  const [backup = ''] = backupCodes;
  const byBackup = async () => {
    const { headers } = await auth('sign-in/email', { email: person.email, password }, {});
    return (await auth('two-factor/verify-backup-code', { code: backup }, { cookie: cookiesOf(headers) })).status;
  };
  expect([await byBackup(), await byBackup()]).toEqual([200, 401]);
  const { rows } = await database.query('select t::text as row from two_factor t');
  for (const secret of [secretOf(totpURI), ...backupCodes]) expect(rows[0].row).not.toContain(secret);

  const { url } = await aegir.send<{ url: string }>('POST', `/api/people/${person.id}/sign-in-links`);
  const again = await followLink(aegir, url);
  expect((await sessionOf(again)).body).toMatchObject({ needsPassword: true, hasSecondFactor: false });
});

test('a token makes no other way in, which would know neither its role nor its end', async () => {
  const token = await tokenOf(aegir, 'administrator', 'robot');
  const refused = [403, expect.stringContaining('An API token makes no other way in')];
  for (const path of ['/api/tokens', '/api/sign-in-links', '/api/session/password'])
    expect(await refusal('POST', path, { name: 'more', password }, { token }), path).toEqual(refused);
  const headers = await followLink(aegir, (await invite(aegir, 'viewer', 'tess')).url);
  const create = { name: 'x', expiresIn: 86_400 };
  expect((await aegir.call('POST', '/api/auth/api-key/create', create, { token: '', headers })).status).toBe(404);
});

test('one’s own sessions are listed and ended, those of others are not', async () => {
  const one = await followLink(aegir, (await invite(aegir, 'viewer', 'mary')).url);
  const other = await tokenOf(aegir, 'viewer', 'eve');
  const list = () => aegir.call<SessionEntryView[]>('GET', '/api/sessions', undefined, { token: '', headers: one });
  const [session] = (await list()).body;
  expect(session?.isThis).toBe(true);
  expect((await aegir.call('DELETE', `/api/sessions/${session?.id}`, undefined, { token: other })).status).toBe(404);
  expect(
    (await aegir.call('DELETE', `/api/sessions/${session?.id}`, undefined, { token: '', headers: one })).status,
  ).toBe(204);
  expect((await list()).status).toBe(401);
});

test('who guesses is kept out for a while, from that address only; what a visitor says of it is not believed', async () => {
  const guess = (headers: Record<string, string>) => {
    const body = { email: 'grace@example.org', password: 'something else' };
    return aegir.call('POST', '/api/auth/sign-in/email', body, {
      token: '',
      headers: { origin: aegir.url, ...headers },
    });
  };
  // The proxy of this machine says the last one.
  const from = (address: string) => ({
    'x-forwarded-for': `198.51.100.1, ${address}`,
    'x-aegir-address': '198.51.100.9',
  });
  const statuses: number[] = [];
  for (let at = 0; at < 22; at++) statuses.push((await guess(from('192.0.2.7'))).status);
  expect(statuses).toEqual([...Array<number>(20).fill(401), 429, 429]);
  expect((await guess(from('192.0.2.8'))).status).toBe(401);
}, 120_000);

test('what was done with people and tokens is in the audit, without a secret', async () => {
  const { items } = await aegir.send<Page<AuditView>>('GET', '/api/audit?limit=500');
  const of = (kind: string) => items.filter(({ objectKind }) => objectKind === kind).map(({ verb }) => verb);
  const verbs = [
    ...['create', 'edit', 'delete', 'renew the sign-in of', 'sign in by a link as', 'set the password of'],
    ...['sign in as', 'fail to sign in as', 'begin a second factor of', 'fail to begin a second factor of'],
    ...['give a code as', 'fail to give a code as', 'give a backup code as', 'fail to give a backup code as'],
  ];
  expect(new Set(of('person'))).toEqual(new Set(verbs));
  expect(new Set(items.map(({ fromAddress }) => fromAddress))).toEqual(
    new Set(['127.0.0.1', '192.0.2.7', '192.0.2.8']),
  );
  expect(new Set(of('token'))).toEqual(new Set(['create']));
  expect(JSON.stringify(items)).not.toMatch(/aegir_\w{20}|sign-in\?link/);
});

test('the command line does the same', async () => {
  const aegirAs = (...words: string[]) => aegirCommand(aegir, 'person', ...words);
  const added = await aegirAs('add', 'joan@example.org', '--name', 'Joan', '--role', 'engineer');
  expect([added.code, added.stdout]).toEqual([0, expect.stringMatching(/^http\S+link=\S+$/)]);
  await followLink(aegir, added.stdout);
  expect((await aegirAs('edit', 'joan@example.org', '--role', 'viewer')).stdout).toContain('is viewer');
  expect((await aegirAs('list')).stdout).toMatch(/Joan +joan@example\.org +viewer/);
  const unknown = await aegirAs('delete', 'jaon@example.org');
  expect([unknown.code, unknown.stderr]).toEqual([2, expect.stringContaining('Did you mean joan@example.org?')]);
  expect((await aegirAs('delete', 'joan@example.org')).code).toBe(0);
  const token = await aegirCommand(aegir, 'token', 'create', '--name', 'short', '--role', 'viewer', '--days', '1');
  expect(token.stdout).toMatch(/^aegir_\w+$/);
  expect((await aegirCommand(aegir, 'token', 'list')).stdout).toMatch(/short +\S+ +viewer/);
});
