// Part of the life of a WordPress site (update.host.test.ts): other names, brought into settings and content, and taken back
// when that fails.

import { expect, test } from 'vitest';
import type { Page } from '../api/contract.ts';
import type { Entity } from '../model/entities.ts';
import { startAcmeServer } from './acme-server.ts';
import type { Farm } from './farm.ts';
import type { Operator } from './operator.ts';
import { createVisitor } from './visitor.ts';

interface Site {
  farm: Farm;
  operator: Operator;
}

const broken = '/etc/nginx/conf.d/somebody.conf';

/** The site blog, called blog.example.org, and the site tool beside it. */
export function testNames(site: () => Site): void {
  const sql = async (text: string) =>
    (await site().farm.database.exec(`mariadb -BN --raw aegir_blog <<'END'\n${text}\nEND`)).stdout;
  const content = () =>
    sql(
      `SELECT post_content FROM wp_posts WHERE ID = 1; SELECT option_value FROM wp_options WHERE option_name = 'links'`,
    );
  const write = (name: string) => {
    const link = `http://${name}/a`;
    return sql(`UPDATE wp_posts SET post_content = 'See ${link}.' WHERE ID = 1;
      REPLACE INTO wp_options (option_name, option_value) VALUES ('links', 'a:1:{i:0;s:${link.length}:"${link}";}')`);
  };
  const contentAt = (name: string) => `See http://${name}/a.\na:1:{i:0;s:${name.length + 9}:"http://${name}/a";}`;
  const environment = () => site().operator.entity('environments/blog');
  /** The page of a post, by whatever address it has at this name. */
  const visit = async (name: string) => {
    const visitor = createVisitor(site().farm.web.address);
    const first = await visitor.get(`http://${name}/?p=1`);
    const own = first.headers.location?.startsWith(`http://${name}/`) ? first.headers.location : '';
    const { status, headers, body } = own ? await visitor.get(own) : first;
    return { status, to: headers.location ?? '', body };
  };
  const rename = (...words: string[]) => site().operator.cli('run', 'rename_environment', 'blog', ...words, '--follow');
  const backups = async () =>
    (await site().farm.aegir.call<Page<Entity>>('GET', '/api/backups')).body.items.filter(
      ({ values }) => values.note === 'before a rename',
    );
  /** All that a rename could have changed. */
  const everything = async () => {
    const { state, values } = await environment();
    // The web server's file is looked at itself; of certificates there is something to be said once somebody has looked.
    const { vhost: _vhost, certificates: _certificates, ...others } = values;
    const files = '/etc/nginx/aegir.d/blog.conf /var/lib/aegir/environments/blog/settings/wordpress.php';
    const { status, body } = await visit('blog.example.org');
    const written = (await site().farm.web.exec(`cat ${files}; ls /var/lib/aegir/environments/blog | grep -vx backup`))
      .stdout;
    return { state, others, status, body, content: await content(), written };
  };

  test('a rename is refused when a name is taken, and does not begin when the web server is broken by somebody else', async () => {
    await write('blog.example.org');
    const before = await everything();
    const taken = await rename('--primary-name', 'tool.example.org');
    expect([taken.code, taken.stderr]).toEqual([2, expect.stringContaining('belongs to the Environment tool')]);
    await site().farm.web.exec(`echo 'no_such_directive on;' >${broken}`);
    try {
      const { operation } = await site().operator.failureOf(
        'environments/blog',
        rename('--primary-name', 'new.example.org'),
      );
      expect(operation.message).toContain(broken);
      expect(await everything()).toEqual(before);
      expect(await backups()).toEqual([]);
    } finally {
      await site().farm.web.exec(`rm ${broken}`);
    }
    expect((await visit('new.example.org')).body).not.toContain('example.org/a');
  });

  test('a rename that fails at its end is undone: name, content and web server are those of before', async () => {
    const before = await everything();
    const failed = await rename('--primary-name', 'new.example.org', '--probe-text', 'no such words');
    expect(failed.code, failed.stdout).toBe(1);
    const { id } = await site().operator.lastOperation('environments/blog');
    expect([await content(), (await visit('new.example.org')).status]).toEqual([contentAt('new.example.org'), 200]);
    expect((await environment()).values.primary_name).toBe('blog.example.org');
    // Written after the safety backup: an undo brings the database of that one.
    const { stdout } = await site().operator.cli('decide', id, 'undo', '--follow');
    const { message } = await site().operator.lastEnded('environments/blog');
    expect(message, stdout).toContain('no such words');
    expect(await everything(), message).toEqual(before);
    expect(message).not.toContain('Left as they are');
    expect((await visit('new.example.org')).body).not.toContain('example.org/a');
    await site().operator.must('run', 'verify_environment', 'blog', '--follow');
  });

  test('a rename brings settings and content along, and the former name leads to the new one', async () => {
    const { code, stdout } = await rename('--primary-name', 'new.example.org', '--probe-text', 'new.example.org');
    expect(code, stdout).toBe(0);
    expect(stdout).toMatch(/Visitors got the maintenance page for \d+(\.\d)? s\./);
    expect(await content()).toBe(contentAt('new.example.org'));
    const page = await visit('new.example.org');
    expect([
      page.status,
      page.body.includes('blog.example.org'),
      page.body.includes('http://new.example.org/a'),
    ]).toEqual([200, false, true]);
    expect(await visit('blog.example.org')).toMatchObject({ status: 301, to: 'http://new.example.org/?p=1' });
    const { state, values } = await environment();
    expect(values).toMatchObject({
      ...{
        name: 'blog',
        primary_name: 'new.example.org',
        url: 'http://new.example.org',
        redirect_names: ['blog.example.org'],
      },
    });
    const [safety] = await backups();
    expect([state, (safety?.values.manifest as { primary_name?: string } | undefined)?.primary_name]).toEqual([
      'enabled',
      'blog.example.org',
    ]);
    const again = await rename('--primary-name', 'new.example.org');
    expect([again.code, again.stderr]).toEqual([2, expect.stringContaining('The site has this name already.')]);
    await site().operator.must('run', 'install_environment', 'blog', '--follow');
    const { tasks } = await site().operator.lastOperation('environments/blog');
    expect(tasks.filter(task => task.changed).map(task => task.type)).toEqual([]);
  });

  test('other names take effect by one Operation, and when it fails those of before are back by themselves', async () => {
    const set = (...words: string[]) => site().operator.cli('run', 'set_names', 'blog', ...words, '--follow');
    const names = ['--aliases', 'also.example.org', '--aliases', '*.new.example.org', '--www', 'add'];
    const { code, stdout } = await set(...names);
    expect(code, stdout).toBe(0);
    expect(await visit('new.example.org')).toMatchObject({ status: 301, to: 'http://www.new.example.org/?p=1' });
    expect(await visit('blog.example.org')).toMatchObject({ status: 301, to: 'http://www.new.example.org/?p=1' });
    expect((await visit('www.new.example.org')).status).toBe(200);
    expect((await environment()).values).toMatchObject({ www: 'add', url: 'http://www.new.example.org' });
    expect((await set(...names)).code).toBe(0);
    const again = await site().operator.lastOperation('environments/blog');
    expect(again.tasks.filter(task => task.changed).map(task => task.type)).toEqual([]);
    const files = '/etc/nginx/aegir.d/blog.conf /var/lib/aegir/environments/blog/settings/wordpress.php';
    const written = async () => (await site().farm.web.exec(`cat ${files}`)).stdout;
    const before = [await environment(), await written()].map(each => JSON.stringify(each));
    const bad = ['--https', 'uploaded', '--https-certificate', 'none', '--https-key', `@${import.meta.filename}`];
    const failed = await set('--www', 'as_is', '--aliases', 'also.example.org', ...bad);
    expect([failed.code, failed.stdout]).toEqual([1, expect.stringContaining('certificate is not used')]);
    const { values, state } = await environment();
    const [was] = before.map(each => JSON.parse(each));
    expect([state, values.www, values.aliases, values.https, values.url]).toEqual([
      was.state,
      'add',
      ['also.example.org', '*.new.example.org'],
      'off',
      'http://www.new.example.org',
    ]);
    expect(JSON.stringify(await written())).toBe(before[1]);
  });

  test('with HTTPS the new name has a certificate when the site is shown by it; one that does not point here fails nothing', async context => {
    const { farm, operator } = site();
    const acme = await startAcmeServer(farm.web);
    if (typeof acme === 'string') return context.skip(acme);
    await operator.must('cluster', 'edit', 'farm', '--acme-directory', acme.directory, '--acme-ca', acme.ca);
    await farm.web.exec(`echo ${farm.web.address} tool.example.org bench.example.org >>/etc/hosts`);
    await operator.must('run', 'set_names', 'tool', '--https', 'acme', '--follow');
    const tool = async () => (await operator.entity('environments/tool')).values;
    expect((await tool()).url).toBe('https://tool.example.org');
    await operator.must('run', 'rename_environment', 'tool', '--primary-name', 'bench.example.org', '--follow');
    expect(await tool()).toMatchObject({
      ...{ url: 'https://bench.example.org', redirect_names: ['tool.example.org'] },
      certificates: { 'bench.example.org': { state: 'valid' }, 'tool.example.org': { state: 'valid' } },
    });
    expect(await visit('tool.example.org')).toMatchObject({ status: 301, to: 'https://bench.example.org/?p=1' });
    const away = ['--primary-name', 'away.example.org', '--no-former-leads'];
    await operator.must('run', 'rename_environment', 'tool', ...away, '--follow');
    expect(await tool()).toMatchObject({
      ...{ url: 'http://away.example.org', redirect_names: ['tool.example.org'] },
    });
    const { certificates } = await tool();
    expect(certificates).toEqual({
      'away.example.org': expect.objectContaining({ state: 'elsewhere' }),
      'tool.example.org': expect.objectContaining({ state: 'valid' }),
    });
    expect((await visit('away.example.org')).body).toBe('tool two');
    expect((await visit('bench.example.org')).body).not.toContain('tool');
  });
}
