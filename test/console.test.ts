// The codec endpoint: who may open payloads, what is written down of it, and Temporal's own command line with it.

import { join } from 'node:path';
import { Client, Connection } from '@temporalio/client';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import type { AuditView, OperationView, Page } from '../api/contract.ts';
import type { Entity } from '../model/entities.ts';
import { findTemporal } from '../start/temporal.ts';
import { type Aegir, startAegir } from './harness.ts';
import { openPayload } from './sealed.ts';
import { makeTypeFolder } from './task-types.ts';

const types = makeTypeFolder();
let aegir: Aegir;
let connection: Connection;
let client: Client;
let failed: OperationView;

beforeAll(async () => {
  const options = 'word: {type: str, description: A word, required: true}';
  types.shellTask('fail_word', 'cat; exit 3', { options });
  types.operation('fail', 'project', '[{id: fail, task: fail_word}]');
  aegir = await startAegir({ types: types.path });
  const values = { name: 'site', repository: 'https://example.org/site.git', application: 'static' };
  const project = (await aegir.call<Entity>('POST', '/api/projects', { values })).body;
  connection = await Connection.connect({ address: inject('temporalAddress') });
  client = new Client({ connection, namespace: aegir.environment.AEGIR_TEMPORAL_NAMESPACE ?? '' });
  failed = await aegir.run('projects', project.id, 'fail', { word: 'CONFIDENTIAL-WORD' });
});

afterAll(async () => {
  await connection?.close();
  await aegir?.stop();
  types.remove();
});

async function readings(): Promise<AuditView[]> {
  const { body } = await aegir.call<Page<AuditView>>('GET', '/api/audit');
  return body.items.filter(({ verb }) => verb === 'read payloads');
}

const encode = (bytes: Uint8Array | null | undefined) => Buffer.from(bytes ?? []).toString('base64');

describe('the codec endpoint', () => {
  test('writes down who has read payloads of which run, once for all that one look asks for', async () => {
    const { events } = await client.workflow.getHandle(failed.id).fetchHistory();
    const input = events?.[0]?.workflowExecutionStartedEventAttributes?.input?.payloads?.[0];
    const scheduled = events?.flatMap(event => event.activityTaskScheduledEventAttributes?.input?.payloads ?? []) ?? [];
    const payloads = [input, ...scheduled].map(payload => ({
      metadata: { encoding: encode(payload?.metadata?.encoding) },
      data: encode(payload?.data),
    }));
    expect(payloads.length).toBeGreaterThan(3);
    for (const some of [payloads, payloads.slice(1), payloads.slice(2)]) {
      expect((await aegir.call('POST', '/api/codec/decode', { payloads: some })).status).toBe(200);
    }
    const [entry, ...others] = await readings();
    expect(others).toEqual([]);
    expect(entry).toMatchObject({
      actor: failed.startedBy,
      objectKind: 'run',
      objectId: failed.id,
      objectName: 'fail site',
    });
  });

  test('shows what is not sealed as it is, without an entry, and says why something cannot be opened', async () => {
    const before = (await readings()).length;
    const data = Buffer.from('"in clear"');
    expect(await openPayload(aegir, { metadata: { encoding: Buffer.from('json/plain') }, data })).toBe('"in clear"');
    expect(await readings()).toHaveLength(before);
    const encoding = Buffer.from('binary/aegir-sealed');
    expect(await openPayload(aegir, { metadata: { encoding }, data: Buffer.from('nonsense') })).toContain('cannot be');
  });

  test('takes an empty request, as Temporal’s command line sends it', async () => {
    const { status, body } = await aegir.call('POST', '/api/codec/decode', {});
    expect([status, body]).toEqual([200, { payloads: [] }]);
  });

  test('seals nothing for anybody: a plan cannot be made by it', async () => {
    expect((await aegir.call('POST', '/api/codec/encode', { payloads: [] })).status).toBe(404);
  });

  test('lets no other site read it: it answers no cross-origin request', async () => {
    const headers = { origin: 'https://elsewhere.example', 'access-control-request-method': 'POST' };
    const preflight = await aegir.call('OPTIONS', '/api/codec/decode', undefined, { headers });
    expect(preflight.headers.get('access-control-allow-origin')).toBeNull();
  });
});

/** Bytes stand in its JSON as base64. */
function inClear(value: unknown): string {
  const text = JSON.stringify(value) ?? '';
  const bytes = text.match(/[A-Za-z0-9+/=]{12,}/g)?.map(each => Buffer.from(each, 'base64').toString('latin1')) ?? [];
  return [text, ...bytes].join('\n');
}

describe('Temporal’s command line', () => {
  const show = (environment: Record<string, string> = {}) => {
    const folder = join(import.meta.dirname, '..', '.cache', 'python', 'bin');
    const run = ['workflow', 'show', '--workflow-id', failed.id, '--output', 'json'];
    const where = [
      '--address',
      inject('temporalAddress'),
      '--namespace',
      aegir.environment.AEGIR_TEMPORAL_NAMESPACE ?? '',
    ];
    return execa(findTemporal(process.env.PATH ?? '', folder), [...run, ...where], { env: environment, reject: false });
  };

  test('shows values and failures by the codec endpoint with an API token, and nothing without one', async () => {
    const { body } = await aegir.call<{ token: string }>('POST', '/api/tokens', { name: 'temporal' });
    const endpoint = { TEMPORAL_CODEC_ENDPOINT: `${aegir.url}/api/codec` };
    const { stdout, stderr } = await show({ ...endpoint, TEMPORAL_CODEC_AUTH: `Bearer ${body.token}` });
    const events = (JSON.parse(stdout || '{}') as { events?: unknown[] }).events ?? [];
    // Its input, and what its failure says.
    expect(inClear(events[0]), stderr).toContain('CONFIDENTIAL-WORD');
    expect(inClear(events.at(-1))).toContain('CONFIDENTIAL-WORD');

    expect(inClear((await show()).stdout)).not.toContain('CONFIDENTIAL-WORD');
    const refused = await show({ ...endpoint, TEMPORAL_CODEC_AUTH: 'Bearer wrong' });
    expect(inClear(refused.stdout + refused.stderr)).not.toContain('CONFIDENTIAL-WORD');
    expect(refused.exitCode).not.toBe(0);
  });
});
