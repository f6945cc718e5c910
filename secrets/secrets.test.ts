import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defaultPayloadConverter } from '@temporalio/common';
import { afterAll, describe, expect, test } from 'vitest';
import { openKeyRing } from './key-ring.ts';
import { createPayloadCodec } from './payload-codec.ts';
import { seal, unseal } from './seal.ts';

const folder = mkdtempSync(join(tmpdir(), 'aegir-keys-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const keys = openKeyRing({ value: 'k'.repeat(64) }, () => {});

describe('the key ring', () => {
  test('makes a key file of mode 0600 once, says that losing it loses the secrets, and reads it again', () => {
    const file = join(folder, 'deep', 'secret.key');
    const said: string[] = [];
    const first = openKeyRing({ file }, line => said.push(line)).derive('secrets');
    const second = openKeyRing({ file }, line => said.push(line)).derive('secrets');
    expect(first.equals(second)).toBe(true);
    expect(said).toHaveLength(1);
    expect(said[0]).toContain('loses');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, 'utf8').trim()).toHaveLength(64);
  });

  test('gives each purpose a key of its own and refuses a short one', () => {
    expect(keys.derive('secrets').equals(keys.derive('payloads'))).toBe(false);
    expect(() => openKeyRing({ value: 'short' }, () => {})).toThrow(/shorter than 32/);
  });
});

describe('a sealed value', () => {
  const key = keys.derive('secrets');

  test('opens with its key and context only, and not when a byte was changed', () => {
    const sealed = seal(key, Buffer.from('clear'), 'secret:1');
    expect(unseal(key, sealed, 'secret:1').toString()).toBe('clear');
    expect(sealed.toString('latin1')).not.toContain('clear');
    expect(() => unseal(key, sealed, 'secret:2')).toThrow(/cannot be opened/);
    expect(() => unseal(keys.derive('payloads'), sealed, 'secret:1')).toThrow(/cannot be opened/);
    for (let at = 0; at < sealed.length; at += 1) {
      const changed = Buffer.from(sealed);
      changed[at] = (changed[at] ?? 0) ^ 1;
      expect(() => unseal(key, changed, 'secret:1')).toThrow();
    }
  });

  test('is another one each time', () => {
    expect(seal(key, Buffer.from('x'), 'c').equals(seal(key, Buffer.from('x'), 'c'))).toBe(false);
  });
});

describe('payloads', () => {
  const codec = createPayloadCodec(keys);
  const payload = defaultPayloadConverter.toPayload({ plan: 'drop everything' });

  test('are sealed and come back as they were', async () => {
    const [sealed] = await codec.encode([payload]);
    expect(Buffer.from(sealed?.data ?? []).toString('latin1')).not.toContain('drop');
    const [opened] = await codec.decode(sealed ? [sealed] : []);
    expect(opened && defaultPayloadConverter.fromPayload(opened)).toEqual({ plan: 'drop everything' });
  });

  test('that are not sealed, or by another key, are refused', async () => {
    await expect(codec.decode([payload])).rejects.toThrow(/did not seal/);
    const foreign = await createPayloadCodec(openKeyRing({ value: 'f'.repeat(64) }, () => {})).encode([payload]);
    await expect(codec.decode(foreign)).rejects.toThrow(/cannot be opened/);
  });
});
