// Part of the life of WordPress sites (wordpress.host.test.ts): clones of the site blog, data that are copied back, backups that
// come from elsewhere. It has a Backup store and one upload, kept.txt, by then.

import { expect, test } from 'vitest';
import type { Page } from '../api/contract.ts';
import type { Entity } from '../model/entities.ts';
import type { Farm } from './farm.ts';
import type { Operator } from './operator.ts';

interface Site {
  farm: Farm;
  operator: Operator;
  titleInPages: string;
}

export function testCopies(site: () => Site): void {
  const state = async (name: string) => (await site().operator.entity(`environments/${name}`)).state;
  const environment = async (name: string) => (await site().operator.entity(`environments/${name}`)).values;
  const titleOf = async (name: string) =>
    /<title>(.*)<\/title>/.exec(await site().farm.ask(`${name}.example.org`))?.[1];
  const backups = async () => (await site().farm.aegir.call<Page<Entity>>('GET', '/api/backups')).body.items;
  const named = (name: string) => ['--name', name, '--primary-name', `${name}.example.org`];
  const sql = async (name: string, text: string) =>
    (await site().farm.database.exec(`mariadb -BN --raw aegir_${name} <<'END'\n${text}\nEND`)).stdout;
  const write = (name: string, text: string) =>
    sql(name, `UPDATE wp_posts SET post_content = '${text}' WHERE post_name = 'hello-world' OR ID = 1`);
  const postOf = (name: string) => sql(name, 'SELECT post_content FROM wp_posts WHERE ID = 1');
  const contentOf = async (name: string) => [
    await sql(name, 'CHECKSUM TABLE wp_posts, wp_postmeta, wp_users, wp_comments, wp_terms'),
    (
      await site().farm.web.exec(
        `cd /var/lib/aegir/environments/${name}/files && find . -type f | sort | xargs sha256sum`,
      )
    ).stdout,
  ];

  test('a clone has the content with addresses of its own, and what it was made of is not touched', async () => {
    await write('blog', 'See http://blog.example.org/wp-content/uploads/kept.txt.');
    const before = await contentOf('blog');
    await site().operator.must(
      'run',
      'clone_environment',
      'blog',
      ...named('copy'),
      '--kind',
      'staging',
      '--sanitise',
      '--follow',
    );
    expect(await contentOf('blog')).toEqual(before);
    expect([await state('blog'), await state('copy'), await titleOf('copy')]).toEqual([
      'enabled',
      'enabled',
      site().titleInPages,
    ]);
    expect(await postOf('copy')).toBe('See http://copy.example.org/wp-content/uploads/kept.txt.');
    expect(await site().farm.ask('copy.example.org', '/wp-content/uploads/kept.txt')).toContain('kept');
    expect(await site().farm.ask('copy.example.org')).not.toContain('blog.example.org');
    const [from, to] = [await environment('blog'), await environment('copy')];
    expect([to.release, to.deployed_hash, to.kind, to.mail]).toEqual([
      from.release,
      from.deployed_hash,
      'staging',
      null,
    ]);
    expect(to.database).toMatchObject({ name: 'aegir_copy', user: 'aegir_copy' });
    expect(
      (
        await site().farm.web.exec(
          `cat /var/lib/aegir/environments/{blog,copy}/settings/wordpress.secrets.php | sort | uniq -d | grep -c "'"`,
        )
      ).stdout,
    ).toBe('0');
    expect(await sql('copy', 'SELECT user_email FROM wp_users')).toBe('user1@localhost.invalid');
    expect(await sql('copy', `SELECT option_value FROM wp_options WHERE option_name = 'blog_public'`)).toBe('0');
    await site().operator.must('run', 'verify_environment', 'copy', '--follow');
  });

  test('a clone under a name that is taken is refused before anything begins', async () => {
    const kept = await backups();
    const { code, stderr } = await site().operator.cli(
      'run',
      'clone_environment',
      'blog',
      ...named('copy'),
      '--follow',
    );
    expect([code, stderr]).toEqual([2, expect.stringContaining('Another Environment is called "copy" already')]);
    expect(await backups()).toEqual(kept);
    expect((await site().operator.lastOperation('environments/copy')).title).toBe('Verify');
  });

  test('data are copied over a production site only when it is said; what they replace is backed up first', async () => {
    await write('copy', 'Written at http://copy.example.org/.');
    await site().farm.web.exec(`echo new >/var/lib/aegir/environments/copy/files/kept.txt`);
    const [before, theirs] = [await contentOf('blog'), await contentOf('copy')];
    const copy = ['run', 'copy_data', 'blog', '--source', 'copy', '--follow'];
    expect((await site().operator.cli(...copy)).stderr).toContain('Over a production site');
    expect(await contentOf('blog')).toEqual(before);
    await site().operator.must(...copy, '--over-production');
    expect(await postOf('blog')).toBe('Written at http://blog.example.org/.');
    expect(await site().farm.ask('blog.example.org', '/wp-content/uploads/kept.txt')).toContain('new');
    expect([await titleOf('blog'), await contentOf('copy')]).toEqual([site().titleInPages, theirs]);
    const safety = (await backups()).find(({ values }) => values.note === 'before data were copied');
    await site().operator.must(
      'run',
      'restore_environment',
      'blog',
      '--backup',
      String(safety?.values.name),
      '--follow',
    );
    expect(await contentOf('blog')).toEqual(before);
  });

  test('a backup of another Environment comes here when it is said, with addresses of this one', async () => {
    const [backup] = (await backups()).filter(({ values }) => values.note === 'for a clone');
    const restore = ['run', 'restore_environment', 'copy', '--backup', String(backup?.values.name), '--follow'];
    expect((await site().operator.cli(...restore)).stderr).toContain('This backup is of another Environment');
    await site().operator.must(...restore, '--from-another', '--sanitise');
    expect(await sql('copy', 'SELECT user_email FROM wp_users')).toBe('user1@localhost.invalid');
    expect(await postOf('copy')).toBe('See http://copy.example.org/wp-content/uploads/kept.txt.');
  });

  test('a clone that fails while its content comes leaves the other one up, and is removed by its undo', async () => {
    // Where the content is to be put, something is in the way.
    await site().farm.web.exec(
      'mkdir -p /var/lib/aegir/environments/lost && touch /var/lib/aegir/environments/lost/restore',
    );
    const before = await contentOf('blog');
    expect((await site().operator.cli('run', 'clone_environment', 'blog', ...named('lost'), '--follow')).code).toBe(1);
    expect(await titleOf('blog')).toBe(site().titleInPages);
    const { id } = await site().operator.lastOperation('environments/blog');
    await site().operator.cli('decide', id, 'undo', '--follow');
    const ended = await site().operator.lastEnded('environments/blog');
    expect([ended.title, ended.state, ended.message]).toEqual([
      'Clone',
      'failed',
      expect.stringContaining('File exists'),
    ]);
    expect(await state('lost')).toBe('new');
    expect(
      (await site().farm.web.exec('ls -d /var/lib/aegir/environments/lost; getent passwd aegir-lost')).stdout,
    ).toBe('');
    expect((await site().farm.database.exec(`mariadb -BNe 'SHOW DATABASES'`)).stdout).not.toContain('lost');
    expect([await state('blog'), await contentOf('blog')]).toEqual(['enabled', before]);
    await site().operator.must('environment', 'delete', 'lost');
  });
}
