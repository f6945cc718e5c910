// One POST to an address that somebody has entered: no redirect is followed, nothing takes long, and no more of the answer is
// read than a person would.

import { lookup as resolveName } from 'node:dns';
import { type ClientRequest, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { BlockList, isIP, type LookupFunction } from 'node:net';

export interface PostRequest {
  url: string;
  headers: Record<string, string>;
  body: string;
}

export interface PostAnswer {
  status: number;
  text: string;
}

/** For the whole of it, from the name to the last byte. Standard Webhooks asks receivers to answer within 15 s. */
const patienceMs = 15_000;

/** Of the answer; the rest is not waited for. */
const mostBytes = 4096;

/**
 * Receivers within the own network are what many have. Link-local addresses are none: clouds answer there with the
 * credentials of the machine.
 */
const refused = new BlockList();
refused.addSubnet('169.254.0.0', 16, 'ipv4');
refused.addSubnet('fe80::', 10, 'ipv6');
refused.addAddress('fd00:ec2::254', 'ipv6');

export class Refused extends Error {}

export function isRefused(address: string): boolean {
  const family = isIP(address);
  return family !== 0 && refused.check(address, family === 6 ? 'ipv6' : 'ipv4');
}

/** Looks at the addresses that are used, not at those of an earlier question. */
const lookup: LookupFunction = (host, options, callback) => {
  resolveName(host, { ...options, all: true }, (error, found) => {
    if (error) return callback(error, '', 0);
    if (found.some(({ address }) => isRefused(address))) return callback(new Refused(refusal), '', 0);
    if (options.all) return callback(null, found);
    return callback(null, found[0]?.address ?? '', found[0]?.family ?? 0);
  });
};

const refusal = 'It leads to a link-local address, where messages are not sent.';

/** @throws Error in words, without the address. */
export function post({ url, headers, body }: PostRequest): Promise<PostAnswer> {
  const target = new URL(url);
  if (isRefused(target.hostname.replace(/^\[|\]$/g, ''))) throw new Refused(refusal);
  const { promise, resolve, reject } = Promise.withResolvers<PostAnswer>();
  const request: ClientRequest = (target.protocol === 'https:' ? requestHttps : requestHttp)(
    target,
    { method: 'POST', headers: { ...headers, 'content-length': Buffer.byteLength(body) }, lookup, agent: false },
    response => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      const end = () => {
        resolve({ status: response.statusCode ?? 0, text: Buffer.concat(chunks).subarray(0, mostBytes).toString() });
        request.destroy();
      };
      response.on('data', (chunk: Buffer) => {
        chunks.push(chunk);
        bytes += chunk.length;
        if (bytes >= mostBytes) end();
      });
      response.on('end', end);
      response.on('error', reject);
    },
  );
  const timer = setTimeout(() => {
    reject(new Error(`It did not answer within ${patienceMs / 1000} s.`));
    request.destroy();
  }, patienceMs);
  request.on('error', reject);
  request.end(body);
  return promise.catch(error => Promise.reject(inWords(error))).finally(() => clearTimeout(timer));
}

const meanings: Record<string, string> = {
  ENOTFOUND: 'Its name is not known: check the address, and the name resolution of the worker’s machine.',
  EAI_AGAIN: 'Its name cannot be looked up at present: check the name resolution of the worker’s machine.',
  ECONNREFUSED: 'Nothing takes connections there.',
  ECONNRESET: 'It closed the connection without an answer.',
  EHOSTUNREACH: 'There is no way to its address from the worker’s machine.',
  ENETUNREACH: 'There is no way to its address from the worker’s machine.',
  ETIMEDOUT: 'It does not answer.',
  CERT_HAS_EXPIRED: 'Its certificate has expired.',
  DEPTH_ZERO_SELF_SIGNED_CERT: 'Its certificate is signed by itself.',
  SELF_SIGNED_CERT_IN_CHAIN: 'Its certificate comes from an authority that this machine does not know.',
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: 'Its certificate comes from an authority that this machine does not know.',
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: 'Its certificate comes from an authority that this machine does not know.',
  ERR_TLS_CERT_ALTNAME_INVALID: 'Its certificate is for another name.',
};

function inWords(error: unknown): Error {
  const { code = '', message = '' } = error as { code?: string; message?: string };
  return new Error(meanings[code] ?? (code ? `It cannot be reached (${code}).` : message), { cause: error });
}
