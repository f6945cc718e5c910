// Requests to the API server of a cluster: credentials and TLS come from the client library, paths and bodies from here, as
// server-side apply, logs and watches need the stream, the query and the content type of their own.

import { existsSync } from 'node:fs';
import type { IncomingMessage } from 'node:http';
import { request as httpsRequest, type RequestOptions } from 'node:https';
import { text } from 'node:stream/consumers';
import { KubeConfig } from '@kubernetes/client-node';
import { AppError, errorText } from '../../../model/errors.ts';
import type { ClusterConnection } from '../backend.ts';
import { ApiError } from './api-error.ts';

export type Query = Record<string, string | number | boolean | undefined>;

export interface Call {
  query?: Query;
  body?: unknown;
  contentType?: string;
  signal?: AbortSignal;
}

/** Of a PATCH that says only what is to be another value; null takes away. */
export const mergePatch = { contentType: 'application/merge-patch+json' } as const;

export interface Api {
  cluster: { name: string; inCluster: boolean };
  get<T = Answer>(path: string, call?: Call): Promise<T>;
  send<T = Answer>(method: 'POST' | 'PATCH' | 'PUT' | 'DELETE', path: string, call?: Call): Promise<T>;
  /** A body that goes on: logs, watches. It ends with an error when nothing was heard for long. */
  stream(path: string, call?: Call): Promise<IncomingMessage>;
  close(): void;
}

/** Any object of the API. */
export interface Answer {
  metadata?: {
    name?: string;
    namespace?: string;
    uid?: string;
    resourceVersion?: string;
    generation?: number;
    labels?: Record<string, string>;
    annotations?: Record<string, string>;
    deletionTimestamp?: string;
    finalizers?: string[];
    [more: string]: unknown;
  };
  [more: string]: unknown;
}

/** An API server answers within its own limit of a minute, or not at all. */
const answerMs = 65_000;

/** A connection that was cut in the middle says nothing any more; watches and logs begin again. The kubelet and the API
 * server send nothing while there is nothing to tell, so this is how long a lost node is taken for a silent one. */
const silenceMs = 5 * 60_000;

/** @throws AppError invalid for a kubeconfig that cannot be used. */
export function openApi(connection: ClusterConnection): Api {
  const config = readConfig(connection);
  const server = new URL(config.getCurrentCluster()?.server ?? 'https://missing.invalid');
  const opened: { agent?: { destroy?(): void } } = {};
  const begin = async (method: string, path: string, { query, body, contentType, signal }: Call, idleMs: number) => {
    const options: RequestOptions = {};
    await config.applyToHTTPSOptions(options);
    // One agent for all requests: connections are used again.
    opened.agent ??= options.agent as { destroy?(): void };
    const payload = body === undefined ? undefined : JSON.stringify(body);
    const search = queryText(query);
    return new Promise<IncomingMessage>((resolve, reject) => {
      const sent = httpsRequest(
        {
          ...options,
          agent: opened.agent as NonNullable<RequestOptions['agent']>,
          method,
          hostname: server.hostname.replace(/^\[|\]$/g, ''),
          port: server.port || 443,
          path: `${server.pathname.replace(/\/$/, '')}${path}${search}`,
          headers: {
            ...(options.headers as Record<string, string>),
            accept: 'application/json, */*',
            ...(payload === undefined
              ? {}
              : { 'content-type': contentType ?? 'application/json', 'content-length': Buffer.byteLength(payload) }),
          },
          ...(signal ? { signal } : {}),
        },
        resolve,
      );
      sent.setTimeout(idleMs, () => sent.destroy(silent()));
      sent.on('error', reject);
      sent.end(payload);
    });
  };
  const answered = async <T>(method: string, path: string, call: Call = {}): Promise<T> => {
    const response = await begin(method, path, call, answerMs);
    return readAnswer<T>(response);
  };
  return {
    cluster: { name: connection.name, inCluster: connection.kubeconfig === '' },
    get: (path, call) => answered('GET', path, call),
    send: (method, path, call) => answered(method, path, call),
    async stream(path, call = {}) {
      const response = await begin('GET', path, call, silenceMs);
      if ((response.statusCode ?? 500) >= 400) await readAnswer(response);
      return response;
    },
    close: () => opened.agent?.destroy?.(),
  };
}

function silent(): Error {
  return Object.assign(new Error('no answer in time'), { code: 'ETIMEDOUT' });
}

async function readAnswer<T>(response: IncomingMessage): Promise<T> {
  const isJson = /json/.test(response.headers['content-type'] ?? '');
  const said = await text(response);
  const body: unknown = isJson ? JSON.parse(said) : said;
  const status = response.statusCode ?? 500;
  if (status < 400) return body as T;
  const after = Number(response.headers['retry-after']);
  const told = typeof body === 'string' ? { message: body.trim() } : body;
  throw new ApiError(status, told, Number.isFinite(after) && after > 0 ? after : null);
}

function queryText(query: Query = {}): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  const search = new URLSearchParams(given.map(([name, value]): [string, string] => [name, String(value)]));
  return given.length > 0 ? `?${search}` : '';
}

function readConfig({ kubeconfig, context, name }: ClusterConnection): KubeConfig {
  const config = new KubeConfig();
  try {
    if (kubeconfig === '') config.loadFromCluster();
    else config.loadFromString(kubeconfig);
  } catch (error) {
    throw new AppError('invalid', `The kubeconfig of the Cluster ${name} cannot be read: ${errorText(error)}`);
  }
  // The library answers with an address of nothing where there is no such account.
  if (kubeconfig === '' && !existsSync(config.getCurrentCluster()?.caFile ?? ''))
    throw new AppError(
      'invalid',
      `The Cluster ${name} is the one in which the worker runs, but this worker runs in none. Run it as a pod there, or enter a kubeconfig.`,
    );
  if (context) config.setCurrentContext(context);
  if (!config.getCurrentCluster() || !config.getCurrentUser())
    throw new AppError(
      'invalid',
      `The kubeconfig of the Cluster ${name} has no context ${context || 'that is its current one'}. Correct the context, or enter the kubeconfig again.`,
    );
  return config;
}
