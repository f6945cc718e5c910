import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { describe, expect, test } from 'vitest';
import {
  areas,
  checkDocumentPaths,
  checkEnvironmentReaders,
  checkImports,
  checkSizes,
  findCycles,
  type Modules,
  parseImports,
  resolveImport,
} from './architecture.ts';

const root = resolve(import.meta.dirname, '..');

/** What is not written by hand or not part of the tree. */
const leftOut = /^(node_modules|dist|\..+|migrations)$/;

function listFiles(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true }).flatMap(entry => {
    if (leftOut.test(entry.name)) return [];
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return listFiles(path);
    return entry.isFile() ? [relative(root, path)] : [];
  });
}

function readAll(pattern: RegExp): Modules {
  const paths = listFiles(root).filter(path => pattern.test(path));
  return new Map(paths.map(path => [path, readFileSync(join(root, path), 'utf8')]));
}

const modules = readAll(/\.(tsx?|mjs)$/);

describe('the tree', () => {
  test('every folder imports only what the architecture allows it', () => {
    expect(checkImports(modules)).toEqual([]);
  });

  test('no modules import each other in a circle', () => {
    expect(findCycles(modules)).toEqual([]);
  });

  test('every import of our own names a file that exists', () => {
    const missing = [...modules].flatMap(([path, text]) =>
      parseImports(text)
        .map(({ from }) => resolveImport(path, from.replace(/\?.*$/, '')))
        .filter(target => target !== null && !existsSync(join(root, target)))
        .map(target => `${path} imports ${target}`),
    );
    expect(missing).toEqual([]);
  });

  test('only config.ts and what hands it the environment read settings', () => {
    expect(checkEnvironmentReaders(modules)).toEqual([]);
  });

  test('no file is longer than 400 lines', () => {
    expect(checkSizes(readAll(/\.(tsx?|mjs|js|css|py|sh|yml)$/))).toEqual([]);
  });

  test('the scan sees the imports that are there', () => {
    const seen = new Set(
      [...modules].flatMap(([path, text]) => parseImports(text).map(({ from }) => `${path} ${from}`)),
    );
    expect(seen).toContain('model/validate.ts ./coerce.ts');
    expect(seen).toContain('catalogue/read-task-type.ts node:fs/promises');
    for (const { folder } of areas) {
      expect
        .soft(
          [...modules.keys()].some(path => path === folder || path.startsWith(`${folder}/`)),
          folder,
        )
        .toBe(true);
    }
  });
});

describe('documents', () => {
  for (const document of ['README.md', 'ARCHITECTURE.md', 'docs/types.md']) {
    test(`${document} names only paths that exist`, context => {
      if (!existsSync(join(root, document))) return context.skip(`${document} is not there yet`);
      const text = readFileSync(join(root, document), 'utf8');
      expect(checkDocumentPaths(document, text, path => existsSync(join(root, path)))).toEqual([]);
    });
  }
});

const breaches: [what: string, path: string, text: string][] = [
  ['node in the model', 'model/x.ts', "import { join } from 'node:path';"],
  ['SQL in the model', 'model/x.ts', "import { rows } from './store/rows.ts';"],
  ['a package in the model', 'model/x.ts', "import yaml from 'yaml';"],
  ['node in a workflow', 'workflows/x.ts', "import { readFile } from 'node:fs/promises';"],
  ['the store in a workflow', 'workflows/x.ts', "import { rows } from '../model/store/rows.ts';"],
  ['code of activities in a workflow', 'workflows/x.ts', "import { runTask } from '../activities/index.ts';"],
  ['the API in the catalogue', 'catalogue/x.ts', "import type { App } from '../api/app.ts';"],
  ['activities in the API', 'api/x.ts', "import type { run } from '../activities/index.ts';"],
  ['code of workflows in the API', 'api/x.ts', "export { story } from '../workflows/index.ts';"],
  ['the store in the UI', 'ui/x.tsx', "import {\n  rows,\n  more,\n} from '../model/store/rows.ts';"],
  ['code of the API in the CLI', 'cli/x.ts', "import { contract } from '../api/contract.ts';"],
  ['inline types count as code', 'cli/x.ts', "import { type Contract } from '../api/contract.ts';"],
  ['a dynamic import', 'cli/x.ts', "const app = await import('../api/app.ts');"],
  ['a bare import', 'model/x.ts', "import '../secrets/seal.ts';"],
  ['a composition root', 'api/x.ts', "import { start } from '../server.ts';"],
  ['a test from code', 'api/x.ts', "import { harness } from '../test/harness.ts';"],
  ['a folder that nobody knows', 'helpers/x.ts', "import { a } from '../model/a.ts';"],
  ['settings in code', 'start/x.ts', "import { config } from '../server.ts';"],
];

describe('the checks themselves', () => {
  test.each(breaches)('%s is found', (_what, path, text) => {
    expect(checkImports(new Map([[path, text]]))).toEqual([expect.stringContaining(path)]);
  });

  test('what is allowed passes', () => {
    const allowed: Modules = new Map([
      [
        'workflows/x.ts',
        "import type * as activities from '../activities/index.ts';\nimport { plan } from '../model/plan.ts';",
      ],
      [
        'cli/x.ts',
        "import type {\n  Contract,\n} from '../api/contract.ts';\nimport { entities } from '../model/entities.ts';",
      ],
      [
        'api/x.ts',
        "// import { run } from '../activities/index.ts';\n/* import '../ui/x.ts' */\nconst a = `\nimport '../ui/x.ts'`;",
      ],
      ['api/x.test.ts', "import { harness } from '../test/harness.ts';"],
      ['server.ts', "import { app } from './api/app.ts';\nimport { run } from './activities/index.ts';"],
      ['api/y.ts', "import { cookie } from 'hono/cookie';\nexport type { A } from '../workflows/index.ts';"],
    ]);
    expect(checkImports(allowed)).toEqual([]);
  });

  test('circles are found through any number of modules, types aside', () => {
    const circle: Modules = new Map([
      ['model/a.ts', "import { b } from './b.ts';"],
      ['model/b.ts', "export * from './c.ts';"],
      ['model/c.ts', "import { a } from './a.ts';\nimport type { d } from './d.ts';"],
      ['model/d.ts', "import { c } from './c.ts';"],
    ]);
    expect(findCycles(circle)).toEqual(['model/a.ts → model/b.ts → model/c.ts → model/a.ts']);
  });

  test('readers of the environment are found, those who hand it on are not', () => {
    const readers: Modules = new Map([
      ['api/a.ts', 'const port = process.env.PORT;'],
      ['api/b.ts', "import { env } from 'node:process';"],
      ['start/c.ts', 'const { PORT } = process.env;'],
      ['start/d.ts', 'spawn(x, { env: process.env });'],
      ['server.ts', 'readConfig(process.env);'],
      ['api/e.ts', '// process.env'],
    ]);
    expect(checkEnvironmentReaders(readers).map(problem => problem.split(' ')[0])).toEqual([
      'api/a.ts',
      'api/b.ts',
      'start/c.ts',
    ]);
  });

  test('a long file is found', () => {
    expect(
      checkSizes(
        new Map([
          ['a.ts', 'x\n'.repeat(401)],
          ['b.ts', 'x\n'.repeat(400)],
        ]),
      ),
    ).toEqual([expect.stringContaining('a.ts')]);
  });

  test('a document that names what does not exist is found', () => {
    const text =
      'See `api/app.ts`, `api/gone.ts`, `model/`, `gone.ts`, [guide](docs/gone.md), [site](https://example.org), `tasks/main.yml`, `GET /x`.';
    const there = ['api', 'api/app.ts', 'model'];
    const wrong = checkDocumentPaths('README.md', text, path => there.includes(path));
    expect(wrong.map(problem => problem.split(' ')[2])).toEqual(['docs/gone.md,', 'api/gone.ts,', 'gone.ts,']);
  });
});
