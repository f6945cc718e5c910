// A WordPress site moves from one web host to another: complete with what was written meanwhile, closed for seconds, back by
// “Move back”; a Move that cannot come to its end leaves the site where it was, as it was.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Page } from '../api/contract.ts';
import type { Entity } from '../model/entities.ts';
import type { CliResult } from './cli.ts';
import { type Farm, startFarm } from './farm.ts';
import { type Operator, operatorOf } from './operator.ts';
import { askPage } from './site-host.ts';
import { canRunHosts, startTestHost, type TestHost } from './test-host.ts';
import { makeWordPressRepository } from './wordpress-repository.ts';

const reason = canRunHosts();
if (reason) console.warn(`Skipped: the move of a WordPress site. ${reason}`);

const setUpMs = 1_200_000;
const home = '/var/lib/aegir/environments/blog';

describe.skipIf(reason !== null)('a WordPress site on two web hosts', () => {
  let farm: Farm;
  let second: TestHost;
  let other: TestHost | undefined;
  let operator: Operator;
  let store: string;

  const move = (...answers: string[]) =>
    operator.cli('run', 'move_environment', 'blog', '--web-server', 'second', ...answers, '--follow');
  const environment = async () => operator.entity('environments/blog');
  const ask = (host: TestHost, path = '/') => askPage(host.address, 'blog.example.org', path);
  const statusAt = async (host: TestHost) => (await ask(host)).slice(0, 3);
  const databases = async () => (await farm.database.exec(`mariadb -BNe 'SHOW DATABASES LIKE "aegir%"'`)).stdout;
  const sql = async (text: string) => {
    const { name } = (await environment()).values.database as { name: string };
    return (await farm.database.exec(`mariadb -BN --raw ${name} <<'END'\n${text}\nEND`)).stdout;
  };
  const write = (word: string) =>
    sql(`INSERT INTO wp_posts (post_title, post_content, post_excerpt, to_ping, pinged, post_content_filtered, post_status)
      VALUES ('${word}', '', '', '', '', '', 'publish')`);
  const posts = () => sql(`SELECT post_title FROM wp_posts WHERE post_title LIKE 'word-%' ORDER BY 1`);
  const upload = (host: TestHost, name: string) =>
    host.exec(`echo ${name} >${home}/files/${name}.txt && chown aegir-blog: ${home}/files/${name}.txt`);
  const sides = async () =>
    (await farm.aegir.call<Page<Entity>>('GET', `/api/environments?side_of=${(await environment()).id}`)).body.items;
  const backups = async () => (await farm.aegir.call<Page<Entity>>('GET', '/api/backups')).body.items;
  const last = () => operator.lastEnded('environments/blog');

  /** What a site leaves on a web host. */
  const remains = async (host: TestHost) =>
    (
      await host.exec(
        `ls -d /var/lib/aegir/environments/* /var/lib/aegir/certificates/blog /run/aegir-blog; ls /etc/systemd/system | grep aegir-blog;
        getent passwd aegir-blog; getent group aegir-blog; grep -rl blog.example.org /etc; ls /var/log/nginx | grep blog; pgrep -u aegir-blog`,
      )
    ).stdout;
  /** It is where it was before, and nothing of the new side is left. */
  const isAsBefore = async () => {
    const { state, values, references } = await environment();
    expect([state, references.web_server?.name, values.path]).toEqual(['enabled', 'web', home]);
    expect([await sides(), await remains(second), await databases()]).toEqual([[], '', 'aegir_blog']);
    const page = await ask(farm.web);
    expect([page.slice(0, 3), page]).toEqual(['200', expect.stringContaining('<title>Blog</title>')]);
    expect((await farm.web.exec('systemctl is-active aegir-blog; systemctl is-enabled aegir-blog')).stdout).toBe(
      'active\nenabled',
    );
  };

  beforeAll(async () => {
    farm = await startFarm('mov', { web: { php_versions: ['8.2'] }, hasSecond: true });
    if (!farm.second) throw new Error('There is no second web host.');
    second = farm.second;
    operator = operatorOf(farm.aegir);
    await makeWordPressRepository(join(farm.repositories, 'blog'));
    await farm.addRelease('blog', 'wordpress');
    store = await mkdtemp(join(tmpdir(), 'aegir-store-'));
    await operator.must('backup_store', 'create', '--name', 'here', '--type', 'directory', '--folder', store);
    const place = ['--web-server', 'web', '--primary-name', 'blog.example.org', '--kind', 'production'];
    const site = ['--name', 'blog', '--release', 'blog/v1', '--backup-store', 'here', ...place];
    await operator.must('environment', 'create', ...site);
    await operator.must('run', 'install_environment', 'blog', '--site-name', 'Blog', '--follow');
    await write('word-before');
    await upload(farm.web, 'before');
    // Only that they come along as they are: the site has no HTTPS here.
    const folder = '/var/lib/aegir/certificates/blog';
    await farm.web.exec(`mkdir -p ${folder} && echo 'PRIVATE KEY of the site' >${folder}/site.pem`);
  }, setUpMs);

  afterAll(async () => {
    await farm?.stop();
    await other?.stop();
    if (store) await rm(store, { recursive: true, force: true });
  });

  test('a name that is taken on the other Server is refused before anything is touched', async () => {
    await second.exec(`mkdir -p ${home} && echo '# aegir-names: blog.example.org' >/etc/nginx/aegir.d/foreign.conf`);
    const { code } = await move();
    await second.exec(`rmdir ${home} && rm /etc/nginx/aegir.d/foreign.conf`);
    const { message, state, tasks } = await last();
    expect([code, state, message]).toEqual([1, 'failed', expect.stringContaining(`the folder ${home};`)]);
    expect(message).toContain('the name blog.example.org in /etc/nginx/aegir.d/foreign.conf');
    expect(tasks.filter(task => task.state === 'succeeded').map(task => task.type)).toEqual(['preflight']);
    expect(await backups()).toEqual([]);
    await isAsBefore();
  });

  test('a Move that fails because of a file of somebody else’s leaves the site as it was', async () => {
    await second.exec('echo broken >/etc/nginx/aegir.d/foreign.conf');
    const { code } = await move();
    await second.exec('rm /etc/nginx/aegir.d/foreign.conf');
    const { state, message } = await last();
    expect([code, state, message]).toEqual([1, 'failed', expect.stringContaining('foreign.conf')]);
    await isAsBefore();
  });

  test('one that fails when the site is closed already opens it again, with its content', async () => {
    const running = move();
    await isThere(farm.web, `${home}/maintenance`, running);
    // Where the content is to be put, something is in the way.
    await second.exec(`touch ${home}/restore`);
    expect((await running).code).toBe(1);
    const { state, message, tasks } = await last();
    expect([state, message]).toEqual(['failed', expect.stringContaining('File exists')]);
    expect(tasks.map(task => task.title)).toContain('Undo: Show the maintenance page');
    await isAsBefore();
    expect(await posts()).toBe('word-before');
  });

  test('the site answers from the other Server with all that was written until it was closed; the old side says 503', async () => {
    const running = move();
    // The first copy is made by then.
    await isThere(second, `${home}/run`, running);
    await write('word-meanwhile');
    await upload(farm.web, 'meanwhile');
    const { code, stdout } = await running;
    expect(code, stdout).toBe(0);
    const { state, values, references } = await environment();
    expect([state, references.web_server?.name, values.disabled_notice]).toEqual(['enabled', 'second', null]);
    expect(await posts()).toBe('word-before\nword-meanwhile');
    expect(await ask(second)).toContain('<title>Blog</title>');
    for (const name of ['before', 'meanwhile'])
      expect(await ask(second, `/wp-content/uploads/${name}.txt`)).toMatch(new RegExp(`^200 [\\s\\S]*${name}`));
    const left = await ask(farm.web);
    expect([left.slice(0, 3), left]).toEqual(['503', expect.stringContaining('has moved to another server')]);
    const { summary } = (await last()).tasks.find(task => task.title.startsWith('Say for how long'))?.outputs ?? {};
    console.info(`Move: ${String(summary)}`);
    expect(Number(/for ([\d.]+) s/.exec(String(summary))?.[1])).toBeLessThan(120);
    // Keys of salts and sessions are those of before; certificates came along, and only sealed.
    const file = '/var/lib/aegir/certificates/blog/site.pem';
    expect((await second.exec(`stat -c %a ${file} && cat ${file}`)).stdout).toBe('600\nPRIVATE KEY of the site');
    expect(JSON.stringify(await last())).not.toContain('PRIVATE KEY');
    await operator.must('run', 'verify_environment', 'blog', '--follow');
  });

  test('the old side is known, is no orphan, and stands in the way of Delete and of another Move', async () => {
    const [side, ...others] = await sides();
    expect([side?.state, side?.values.name, side?.values.path, others]).toEqual(['disabled', 'blog', home, []]);
    expect((await farm.aegir.call<Page<Entity>>('GET', '/api/environments')).body.items).toHaveLength(1);
    await operator.must('run', 'find_orphans', 'web', '--follow');
    expect((await operator.entity('servers/web')).values.orphans).toEqual([]);
    const refused = async (type: string, ...answers: string[]) =>
      (await operator.cli('run', type, 'blog', ...answers, '--follow')).stderr;
    expect(await refused('delete_environment', '--although-enabled')).toContain('Run “Retire the other side” first');
    expect(await refused('move_environment', '--web-server', 'web')).toContain('Run “Retire the other side” first');
  });

  test('“Move back” takes along what was written since, and is shorter', async () => {
    await write('word-there');
    await upload(second, 'there');
    await operator.must('run', 'move_back', 'blog', '--follow');
    const { state, references } = await environment();
    expect([state, references.web_server?.name]).toEqual(['enabled', 'web']);
    expect(await posts()).toBe('word-before\nword-meanwhile\nword-there');
    expect(await ask(farm.web, '/wp-content/uploads/there.txt')).toMatch(/^200 [\s\S]*there/);
    expect([await statusAt(farm.web), await statusAt(second)]).toEqual(['200', '503']);
    await operator.must('run', 'install_environment', 'blog', '--follow');
    expect(await posts()).toBe('word-before\nword-meanwhile\nword-there');
  });

  test('retired, nothing is left on the other Server, and nothing of the site is touched', async () => {
    await operator.must('run', 'retire_side', 'blog', '--follow');
    await isAsBefore();
    expect(await posts()).toBe('word-before\nword-meanwhile\nword-there');
    expect((await operator.cli('run', 'retire_side', 'blog', '--follow')).stderr).toContain('It has no other side');
  });

  test('the database alone moves; one that fails at the very end is the former one again, and retired, the old one is gone', async () => {
    other = await startTestHost('movo', 'database');
    const at = { cluster: 'farm', address: other.address, ssh_key: other.privateKey };
    await farm.make('servers', { name: 'other', ...at, web: false, database: true });
    await farm.run('servers', 'other', 'prepare_server');
    const moveDatabase = () => operator.cli('run', 'move_database', 'blog', '--database-server', 'other', '--follow');
    const there = async () => (await other?.exec(`mariadb -BNe 'SHOW DATABASES LIKE "aegir%"'`))?.stdout;
    // Only the last look at the site sees it.
    await farm.web.exec(`touch ${home}/disabled`);
    expect((await moveDatabase()).code).toBe(1);
    expect((await last()).message).toContain('503');
    await farm.web.exec(`rm ${home}/disabled`);
    await isAsBefore();
    expect([await there(), await posts()]).toEqual(['', 'word-before\nword-meanwhile\nword-there']);

    const { code, stdout } = await moveDatabase();
    expect(code, stdout).toBe(0);
    console.info(`Move of the database: ${/Visitors got .*/.exec(stdout)?.[0]}`);
    const { state, values, references } = await environment();
    expect([state, references.web_server?.name, references.database_server?.name]).toEqual(['enabled', 'web', 'other']);
    expect(values.database).toMatchObject({ host: other.address });
    await farm.database.exec('systemctl stop mariadb.socket mariadb');
    expect(await ask(farm.web)).toContain('<title>Blog</title>');
    await farm.database.exec('systemctl start mariadb');
    expect((await operator.cli('run', 'move_back', 'blog', '--follow')).stderr).toContain(
      'Only its database was moved',
    );
    await operator.must('run', 'retire_side', 'blog', '--follow');
    expect([await databases(), await there()]).toEqual(['', 'aegir_blog__2']);
    expect(await statusAt(farm.web)).toBe('200');
    await operator.must('run', 'delete_environment', 'blog', '--although-enabled', '--follow');
    expect([await there(), await remains(farm.web)]).toEqual(['', '']);
  });
});

/** Waits for a file; not for one that cannot come any more. */
async function isThere(host: TestHost, file: string, running: Promise<CliResult>): Promise<void> {
  let ended: CliResult | undefined;
  void running.then(result => {
    ended = result;
  });
  while ((await host.exec(`test -e ${file}`)).code !== 0)
    if (ended) throw new Error(`It has ended, and there was no ${file}: ${ended.stdout}`);
}
