// Application types are data: nothing of ours but their own Task types knows one by name, and another one needs no change.

import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { readCatalogue } from '../catalogue/index.ts';
import type { Catalogue } from '../model/catalogue.ts';
import { makeTypeFolder } from './task-types.ts';
import { putToyApplication } from './toy-application.ts';

const root = resolve(import.meta.dirname, '..');
const folders = ['workflows', 'api', 'ui', 'activities', 'cli', 'operations', 'catalogue', 'secrets', 'model', 'roles'];

/** English words too: they name a type only when they stand alone between quotes. */
const plainWords = ['static', 'generic'];

// A new Project is of a type by default: that one field may name it.
const mayName: Record<string, string> = { 'model/entities.ts': 'static' };

function listFiles(folder: string): string[] {
  return readdirSync(join(root, folder)).flatMap(name => {
    if (/^(dist|testing|__pycache__)$|\.test\.ts$/.test(name)) return [];
    const path = `${folder}/${name}`;
    return statSync(join(root, path)).isDirectory() ? listFiles(path) : [path];
  });
}

/** Reasons may be told by an example: lines of comment do not count. */
function codeOf(text: string): string {
  return text.replace(/^\s*(#|\/\/|\*|\/\*|\{#).*$/gm, '');
}

function mentions(text: string, name: string, own: string[]): boolean {
  const code = codeOf(text);
  const alone = plainWords.includes(name) ? new RegExp(`(['"])${name}\\1`) : new RegExp(name, 'i');
  return alone.test(code) || own.some(type => new RegExp(`\\b${type}\\b`).test(code));
}

describe('application types', () => {
  const files = folders.flatMap(listFiles).map(path => ({ path, text: readFileSync(join(root, path), 'utf8') }));
  let catalogue: Catalogue;

  beforeAll(async () => {
    catalogue = await readCatalogue({
      roles: [join(root, 'roles')],
      operations: [join(root, 'operations')],
      applications: [join(root, 'applications')],
    });
  });

  /** Those of its Task types that are made for it alone: `install_<name>`, … */
  function ownTypes(name: string): string[] {
    return Object.values(catalogue.applicationTypes.get(name)?.verbs ?? {}).filter(type => type.includes(name));
  }

  test('no workflow, route, page, command, Operation type or other role names one of ours', () => {
    const found: string[] = [];
    for (const name of catalogue.applicationTypes.keys()) {
      const own = ownTypes(name);
      for (const { path, text } of files) {
        if (own.some(type => path.startsWith(`roles/${type}/`)) || mayName[path] === name) continue;
        if (mentions(text, name, own)) found.push(`${path} names ${name}`);
      }
    }
    expect(found).toEqual([]);
  });

  test('the check finds a name in code, and none in a comment or in another word', () => {
    expect(mentions("if (type === 'static')", 'static', [])).toBe(true);
    expect(mentions('- {task: install_static}', 'static', ['install_static'])).toBe(true);
    expect(mentions('serveStatic(); src: static.conf.j2', 'static', ['install_static'])).toBe(false);
    expect(mentions('when: application == "x-wordpress"', 'wordpress', [])).toBe(true);
    expect(mentions('# What WordPress needs.\npackages: [php-xml]', 'wordpress', [])).toBe(false);
  });

  test('another one is read beside ours without a mistake, and no file of ours names it', async () => {
    const types = makeTypeFolder();
    putToyApplication(types);
    const all = await readCatalogue({
      roles: [join(root, 'roles'), join(types.path, 'roles')],
      operations: [join(root, 'operations')],
      applications: [join(root, 'applications'), join(types.path, 'applications')],
    });
    types.remove();
    expect(all.problems).toEqual([]);
    const added = [...all.applicationTypes.keys()].filter(name => !catalogue.applicationTypes.has(name));
    expect(added).toEqual(['joomla']);
    expect(files.filter(({ text }) => /joomla/i.test(text)).map(({ path }) => path)).toEqual([]);
  });
});
