import { execFileSync } from 'node:child_process';
import { beforeAll, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { checkKubeconfig, kubeconfigSecrets } from './kubeconfig.ts';

let certificate = '';
beforeAll(() => {
  const made = execFileSync(
    'openssl',
    [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-subj',
      '/CN=a',
      '-keyout',
      '/dev/null',
    ],
    { stdio: ['ignore', 'pipe', 'ignore'] },
  );
  certificate = made.toString('base64');
});

const config = (parts: { cluster?: object; user?: object; current?: string } = {}) =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': parts.current ?? 'main',
    clusters: [
      {
        name: 'c',
        cluster: { server: 'https://192.0.2.1:6443', 'certificate-authority-data': certificate, ...parts.cluster },
      },
    ],
    users: [{ name: 'u', user: parts.user ?? { token: 'secret' } }],
    contexts: [{ name: 'main', context: { cluster: 'c', user: 'u' } }],
  });

test('a kubeconfig with everything inside is taken', () => {
  expect(checkKubeconfig(config(), '')).toEqual([]);
  expect(checkKubeconfig(config({ current: '' }), 'main')).toEqual([]);
  const user = { 'client-certificate-data': certificate, 'client-key-data': 'a2V5' };
  expect(checkKubeconfig(config({ user }), '')).toEqual([]);
});

test.each<[what: string, text: () => string, context: string, wrong: RegExp[]]>([
  ['something else', () => 'hello: world', '', [/is no kubeconfig/]],
  ['broken YAML', () => 'a: [', '', [/is no YAML/]],
  ['no current context', () => config({ current: '' }), '', [/no current context: run "kubectl config use-context/]],
  ['another context', () => config(), 'other', [/has no context "other". There are: main\./]],
  [
    'a program that signs in',
    () => config({ user: { exec: { command: 'aws' } } }),
    '',
    [/by a program \(exec\).*service account/],
  ],
  ['an auth-provider', () => config({ user: { 'auth-provider': { name: 'gcp' } } }), '', [/auth-provider/]],
  [
    'files',
    () =>
      config({ cluster: { 'certificate-authority': '/a' }, user: { 'client-certificate': '/a', 'client-key': '/b' } }),
    '',
    [/"certificate-authority".*--flatten/, /"client-certificate"/, /"client-key"/],
  ],
  [
    'no check of the server',
    () => config({ cluster: { 'insecure-skip-tls-verify': true } }),
    '',
    [/insecure-skip-tls-verify/],
  ],
  ['plain HTTP', () => config({ cluster: { server: 'http://a' } }), '', [/must be an address with https/]],
  [
    'no certificate',
    () => config({ cluster: { 'certificate-authority-data': 'aGVsbG8=' } }),
    '',
    [/is no certificate in base64/],
  ],
  ['nobody', () => config({ user: {} }), '', [/neither a token nor/]],
])('%s is refused with what to do', (_, text, context, wrong) => {
  const mistakes = checkKubeconfig(text(), context);
  expect(mistakes).toHaveLength(wrong.length);
  for (const [at, pattern] of wrong.entries()) expect(mistakes[at]).toMatch(pattern);
});

test('its secrets are found however it is written', () => {
  const users = [
    { name: 'u', user: { token: 'tok-7 with: colon' } },
    { name: 'v', user: { username: 'anna', password: 1234, 'client-key-data': 'a2V5' } },
  ];
  const whole = { ...JSON.parse(config()), users };
  const folded = stringify(whole)
    .replace('tok-7 with: colon', '>-\n        tok-7\n        with: colon')
    .replace(/"(>-[^"]*)"/, '$1');
  for (const text of [
    JSON.stringify(whole),
    stringify(whole),
    stringify(whole, { defaultStringType: 'QUOTE_SINGLE' }),
    folded,
  ])
    expect(kubeconfigSecrets(text), text).toEqual([text, 'tok-7 with: colon', '1234', 'a2V5']);
  expect(kubeconfigSecrets('')).toEqual([]);
});
