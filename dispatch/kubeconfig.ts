// Reads a kubeconfig as people enter it. Everything must be in its text: no worker has their files, and a program that it
// names would be run by every worker.

import { X509Certificate } from 'node:crypto';
import { parse } from 'yaml';
import { isDict } from '../model/coerce.ts';
import { errorText } from '../model/errors.ts';

interface Named {
  name: string;
  content: Record<string, unknown>;
}

/** Sentences, each a mistake. @param context '' = its current one. */
export function checkKubeconfig(text: string, context: string): string[] {
  const read = readText(text);
  if (typeof read === 'string') return [read];
  const contexts = listOf(read, 'contexts', 'context');
  const wanted = context || String(read['current-context'] ?? '');
  if (!wanted) return ['has no current context: run "kubectl config use-context NAME", or enter the context.'];
  const chosen = contexts.find(({ name }) => name === wanted);
  if (!chosen) {
    const known = contexts.map(({ name }) => name).join(', ') || 'none';
    return [`has no context "${wanted}". There are: ${known}.`];
  }
  const cluster = listOf(read, 'clusters', 'cluster').find(({ name }) => name === chosen.content.cluster);
  const user = listOf(read, 'users', 'user').find(({ name }) => name === chosen.content.user);
  return [
    ...(cluster ? checkApi(cluster) : [`The cluster of its context "${wanted}" is not in it.`]),
    ...(user ? checkUser(user) : [`The user of its context "${wanted}" is not in it.`]),
  ];
}

const secretKeys = new Set(['token', 'password', 'client-key-data']);

/** What of a kubeconfig must be seen nowhere: the whole of it, and each of its secrets by itself. */
export function kubeconfigSecrets(text: string): string[] {
  if (text === '') return [];
  const found: string[] = [];
  const look = (value: unknown, key = ''): void => {
    if (Array.isArray(value)) for (const item of value) look(item, key);
    else if (isDict(value)) for (const [name, inner] of Object.entries(value)) look(inner, name);
    else if (secretKeys.has(key) && value !== null) found.push(String(value));
  };
  look(readText(text));
  return [text, ...found];
}

function readText(text: string): Record<string, unknown> | string {
  try {
    const read: unknown = parse(text, { maxAliasCount: 0 });
    return isDict(read) && read.kind === 'Config'
      ? read
      : 'is no kubeconfig: it begins with "apiVersion: v1" and "kind: Config".';
  } catch (error) {
    return `is no YAML: ${errorText(error).split('\n')[0]}`;
  }
}

function listOf(read: Record<string, unknown>, key: string, inner: string): Named[] {
  const list = Array.isArray(read[key]) ? read[key] : [];
  return list.filter(isDict).flatMap(entry => {
    const content = entry[inner];
    return isDict(content) ? [{ name: String(entry.name), content }] : [];
  });
}

function checkApi({ name, content }: Named): string[] {
  const server = String(content.server ?? '');
  const mistakes = content['certificate-authority'] === undefined ? [] : [asFile(name, 'certificate-authority')];
  if (!/^https:\/\/[^\s/@]+(\/\S*)?$/.test(server))
    mistakes.push(`The server of "${name}" must be an address with https://.`);
  if (content['insecure-skip-tls-verify'] === true)
    mistakes.push(
      `"${name}" has insecure-skip-tls-verify, so anybody in between could read everything: give certificate-authority-data.`,
    );
  const data = content['certificate-authority-data'];
  if (data !== undefined && !isCertificate(data))
    mistakes.push(`certificate-authority-data of "${name}" is no certificate in base64.`);
  return mistakes;
}

function checkUser({ name, content }: Named): string[] {
  const mistakes: string[] = [];
  if (content.exec !== undefined)
    mistakes.push(
      `The user "${name}" signs in by a program (exec), which workers do not run: make a service account, as docs/kubernetes.md says.`,
    );
  if (content['auth-provider'] !== undefined)
    mistakes.push(
      `The user "${name}" signs in by an auth-provider, which workers do not have: make a service account, as docs/kubernetes.md says.`,
    );
  for (const key of ['client-certificate', 'client-key', 'tokenFile'])
    if (content[key] !== undefined) mistakes.push(asFile(name, key));
  const hasPair = content['client-certificate-data'] !== undefined && content['client-key-data'] !== undefined;
  const hasPassword = content.username !== undefined && content.password !== undefined;
  if (mistakes.length === 0 && !hasPair && !hasPassword && typeof content.token !== 'string')
    mistakes.push(`The user "${name}" has neither a token nor client-certificate-data with client-key-data.`);
  const certificate = content['client-certificate-data'];
  if (certificate !== undefined && !isCertificate(certificate))
    mistakes.push(`client-certificate-data of "${name}" is no certificate in base64.`);
  return mistakes;
}

const asFile = (name: string, key: string) =>
  `"${name}" names a file under "${key}", which no worker has: "kubectl config view --flatten --minify --raw" puts its content in.`;

function isCertificate(data: unknown): boolean {
  try {
    return new X509Certificate(Buffer.from(String(data), 'base64')).subject !== undefined;
  } catch {
    return false;
  }
}
