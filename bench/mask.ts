// What masking costs for each line of a log: beside the same line without it, with 1, 10 and 100 secrets, in lines of several
// kinds of tools. Usage: node bench/mask.ts [rounds]

import { generateKeyPairSync, randomBytes } from 'node:crypto';
import { cleanLine } from '../model/log-lines.ts';
import { createMask, type Mask } from '../secrets/mask.ts';
import { makePassword } from '../secrets/token.ts';

const rounds = Number(process.argv[2] ?? 10);
const count = 20_000;
const hash = (at: number) =>
  randomBytes(20)
    .toString('hex')
    .slice(0, 40 - (at % 2));

const kinds: Record<string, (at: number) => string> = {
  words: at => `  - Installing symfony/http-foundation (v7.1.${at}): Extracting archive, then moving it to its place`,
  'access log': at =>
    `10.0.0.${at % 250} - - [21/Nov/2026:13:30:33 +0000] "GET /sites/default/files/styles/large/${at}.jpg?itok=${hash(at).slice(0, 8)} HTTP/2.0" 200 ${at * 7}`,
  JSON: at =>
    JSON.stringify({
      at,
      level: 30,
      msg: `Request "${at}" <done>`,
      path: `C:\\data\\${at}`,
      id: hash(at),
      took: at / 7,
    }),
  base64: () => randomBytes(57).toString('base64'),
};

const secretsOf = (number: number) =>
  Array.from({ length: number }, (_, at) => (at % 2 ? makePassword() : `P@ss-${hash(at)}/w:"${at}"`));
const key = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  publicKeyEncoding: { type: 'spki', format: 'pem' },
}).privateKey;

const masks: Record<string, string[]> = {
  none: [],
  '1 secret': secretsOf(1),
  '10 secrets': secretsOf(10),
  '100 secrets': secretsOf(100),
  '10 secrets and an SSH key': [...secretsOf(10), key],
};

/** Of the processor, so that other programs have less of a say in it; its clock is coarse, hence all rounds together. */
function nanosecondsPerLine(mask: Mask, lines: string[]): number {
  const begun = process.threadCpuUsage();
  for (let round = 0; round < rounds; round += 1) {
    const kept = lines.map(line => cleanLine(mask(line)));
    if (kept.length !== count) throw new Error('lines are missing');
  }
  const { user, system } = process.threadCpuUsage(begun);
  return ((user + system) * 1000) / (rounds * count);
}

console.log('ns per line (× no mask)'.padEnd(28), ...Object.keys(kinds).map(kind => kind.padStart(16)), '  made in');
const bare: Record<string, number> = {};
for (const [name, secrets] of Object.entries(masks)) {
  const begun = performance.now();
  const mask = createMask(secrets);
  const made = performance.now() - begun;
  const cells = Object.entries(kinds).map(([kind, line]) => {
    const lines = Array.from({ length: count }, (_, at) => line(at));
    const spent = nanosecondsPerLine(mask, lines);
    bare[kind] ??= spent;
    return `${spent.toFixed(0)} (×${(spent / bare[kind]).toFixed(0)})`.padStart(16);
  });
  console.log(name.padEnd(28), ...cells, `  ${made.toFixed(1)} ms`);
}
