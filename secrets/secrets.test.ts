import { createCipheriv, createHash, hkdfSync } from 'node:crypto';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultPayloadConverter } from '@temporalio/common';
import { afterAll, describe, expect, test } from 'vitest';
import { openKeyRing } from './key-ring.ts';
import { createPayloadCodec } from './payload-codec.ts';

const folder = mkdtempSync(join(tmpdir(), 'aegir-keys-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const quiet = () => {};
const one = 'k'.repeat(64);
const two = 'm'.repeat(64);
const keys = openKeyRing({ value: one }, quiet);
const clear = Buffer.from('clear');

describe('the key ring', () => {
  test('makes a key file of mode 0600 once, says that losing it loses the secrets, and reads it again', () => {
    const file = join(folder, 'deep', 'secret.key');
    const said: string[] = [];
    const first = openKeyRing({ file }, line => said.push(line));
    const second = openKeyRing({ file }, line => said.push(line));
    expect(second.open('secrets', first.seal('secrets', clear, 'c'), 'c')).toEqual(clear);
    expect(said).toHaveLength(1);
    expect(said[0]).toContain('loses');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, 'utf8').trim()).toHaveLength(64);
  });

  test('gives each purpose a key of its own', () => {
    const sealed = keys.seal('secrets', clear, 'c');
    expect(() => keys.open('payloads', sealed, 'c')).toThrow(/altered, or belongs somewhere else/);
  });

  test('seals with the first of several keys and opens with any', () => {
    const both = openKeyRing({ value: `${two},${one}` }, quiet);
    const [first, second] = both.ids();
    expect([second]).toEqual(keys.ids());
    expect(first).not.toBe(second);
    expect(both.open('secrets', keys.seal('secrets', clear, 'c'), 'c')).toEqual(clear);
    const withNew = both.seal('secrets', clear, 'c');
    expect(() => keys.open('secrets', withNew, 'c')).toThrow(
      `needs the key ${first} that is not in the key ring (${second})`,
    );
  });

  test('opens what the first releases have sealed, which did not say with which key', () => {
    const master = createHash('sha256').update(one).digest();
    const iv = Buffer.alloc(12, 7);
    const cipher = createCipheriv('aes-256-gcm', Buffer.from(hkdfSync('sha256', master, 'aegir', 'secrets', 32)), iv);
    const sealed = Buffer.concat([cipher.setAAD(Buffer.from('c')).update(clear), cipher.final()]);
    const old = Buffer.concat([Buffer.from([1]), iv, cipher.getAuthTag(), sealed]);
    expect(openKeyRing({ value: `${two},${one}` }, quiet).open('secrets', old, 'c')).toEqual(clear);
    expect(() => openKeyRing({ value: two }, quiet).open('secrets', old, 'c')).toThrow(/needs a key that is not/);
  });

  test('takes a new key from its file without a restart, in every process, and keeps the old one', () => {
    const file = join(folder, 'shared.key');
    const api = openKeyRing({ file }, quiet);
    const worker = openKeyRing({ file }, quiet);
    const [old] = api.ids();
    const before = worker.seal('payloads', clear, 'c');
    const added = api.add();
    expect(worker.ids()).toEqual([added, old]);
    expect(worker.open('payloads', api.seal('payloads', clear, 'c'), 'c')).toEqual(clear);
    expect(worker.open('payloads', before, 'c')).toEqual(clear);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(() => api.remove(added)).toThrow(/the one that seals/);
    api.remove(old ?? '');
    expect(worker.ids()).toEqual([added]);
    expect(() => worker.open('payloads', before, 'c')).toThrow(`needs the key ${old}`);
  });

  test('goes on with what it has, and says so once, while its file is damaged', () => {
    const file = join(folder, 'damaged.key');
    const said: string[] = [];
    const ring = openKeyRing({ file }, line => said.push(line));
    const ids = ring.ids();
    writeFileSync(file, 'short\n');
    expect([ring.ids(), ring.ids()]).toEqual([ids, ids]);
    rmSync(file);
    expect(ring.ids()).toEqual(ids);
    expect(said.filter(line => line.includes('still used'))).toHaveLength(2);
  });

  test('cannot change keys that are in a setting, and says what to do', () => {
    expect(() => keys.add()).toThrow(/old,new.*new,old.*reseal/);
  });

  test.each([
    ['a short one', 'short', /Key 1 is shorter than 32 characters/],
    ['one of nothing', ' , ', /It holds no key/],
    ['one twice', `${one},${one}`, /Key 2 is there already/],
    ['one that no keyboard makes', `${one},${'\u0001'.repeat(40)}`, /Key 2 has characters that are not printable/],
    ['all that is wrong', 'short,short', /Key 1 is shorter.*Key 2 is shorter/],
  ])('refuses bad keys with clear words, without the key: %s', (_what, value, words) => {
    expect(() => openKeyRing({ value }, quiet)).toThrow(words);
    expect(() => openKeyRing({ value }, quiet)).not.toThrow(one);
  });

  test('refuses a file that holds no key or cannot be read; lines with # are notes', () => {
    const file = join(folder, 'own.key');
    writeFileSync(file, '\n');
    expect(() => openKeyRing({ file }, quiet)).toThrow(`The secret key (${file}) cannot be used. It holds no key.`);
    mkdirSync(join(folder, 'folder.key'));
    expect(() => openKeyRing({ file: join(folder, 'folder.key') }, quiet)).toThrow(/cannot be read \(EISDIR\)/);
    writeFileSync(file, `# of November\n${one}\n\n# of October\n${two}\n`);
    expect(openKeyRing({ file }, quiet).ids()).toEqual(openKeyRing({ value: `${one},${two}` }, quiet).ids());
  });
});

describe('a sealed value', () => {
  test('opens with its key and context only, and not when a byte was changed', () => {
    const sealed = keys.seal('secrets', clear, 'secret:1');
    expect(keys.open('secrets', sealed, 'secret:1')).toEqual(clear);
    expect(sealed.toString('latin1')).not.toContain('clear');
    expect(() => keys.open('secrets', sealed, 'secret:2')).toThrow(/altered, or belongs somewhere else/);
    for (let at = 0; at < sealed.length; at += 1) {
      const changed = Buffer.from(sealed);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(() => keys.open('secrets', changed, 'secret:1')).toThrow();
    }
  });

  test('is another one each time', () => {
    expect(keys.seal('secrets', clear, 'c').equals(keys.seal('secrets', clear, 'c'))).toBe(false);
  });
});

describe('payloads', () => {
  const codec = createPayloadCodec(keys);
  const payload = defaultPayloadConverter.toPayload({ plan: 'drop everything' });
  const workflow = { type: 'workflow', namespace: 'aegir', workflowId: 'one' } as const;

  test('are sealed and come back as they were', async () => {
    const [sealed] = await codec.encode([payload], workflow);
    expect(Buffer.from(sealed?.data ?? []).toString('latin1')).not.toContain('drop');
    const [opened] = await codec.decode(sealed ? [sealed] : []);
    expect(opened && defaultPayloadConverter.fromPayload(opened)).toEqual({ plan: 'drop everything' });
  });

  test('that are not sealed, or by another key, are refused', async () => {
    await expect(codec.decode([payload])).rejects.toThrow(/did not seal/);
    const foreign = await createPayloadCodec(openKeyRing({ value: 'f'.repeat(64) }, quiet)).encode([payload]);
    await expect(codec.decode(foreign)).rejects.toThrow(/cannot be opened/);
  });

  test('are taken unsealed only where they are words of the engine itself, which nobody can say anything with', async () => {
    const words = defaultPayloadConverter.toPayload('ACTIVITY_ID_NOT_STARTED');
    expect(await codec.decode([words])).toEqual([words]);
    for (const value of ['ACTIVITY_ID_NOT_STARTED ', ['ACTIVITY_ID_NOT_STARTED'], null])
      await expect(codec.decode([defaultPayloadConverter.toPayload(value)])).rejects.toThrow(/did not seal/);
  });

  test('say to people for which run they were made; what cannot be opened says why, what is not sealed is itself', async () => {
    const [sealed = {}] = await codec.encode([payload], workflow);
    expect(codec.show(sealed)).toMatchObject({ run: 'one', wasSealed: true });
    expect(codec.show(payload)).toEqual({ payload, run: null, wasSealed: false });
    const [foreign = {}] = await createPayloadCodec(openKeyRing({ value: two }, quiet)).encode([payload]);
    const shown = codec.show(foreign);
    expect(shown.run).toBeNull();
    expect(defaultPayloadConverter.fromPayload(shown.payload)).toContain('cannot be opened');
  });
});
