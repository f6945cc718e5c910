// Archives by their roles alone, with the database on another host: what is packed, and what of an archive reaches a
// site and what never does.

import { createHash } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execa } from 'execa';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ArchiveServer, startArchiveServer } from './archive-server.ts';
import { type DatabaseHosts, startDatabaseHosts } from './database-host.ts';
import { type PlayResult, playRole, words } from './play-role.ts';
import { canRunHosts } from './test-host.ts';

const reason = canRunHosts();
const hash = 'a'.repeat(40);
const path = '/var/lib/aegir/environments/shop';
const database_password = 'k3'.repeat(24);
const salt = 'salt-of-the-sea-and-more';

/** Odd names, bytes that are no text, and a view, a trigger and a routine of the site's own account. */
const tables = `
CREATE TABLE \`or\`\`ders\` (id INT PRIMARY KEY, note TEXT, data BLOB) CHARACTER SET utf8mb4;
INSERT INTO \`or\`\`ders\` VALUES (1, 'it''s\\n(2, fine);\\n', x'00ff27'), (2, 'Straße 🚲', NULL), (3, '', x'');
CREATE TABLE child (id INT, parent INT, FOREIGN KEY (parent) REFERENCES \`or\`\`ders\`(id));
INSERT INTO child VALUES (1, 1);
CREATE VIEW seen AS SELECT id FROM \`or\`\`ders\`;
CREATE TRIGGER noted BEFORE INSERT ON child FOR EACH ROW SET NEW.id = NEW.id + 0;`;

describe.skipIf(reason !== null)(`archives of a site${reason ? ` (skipped: ${reason})` : ''}`, () => {
  let hosts: DatabaseHosts;
  let server: ArchiveServer;
  let folder: string;
  let file: string;
  let values: Record<string, unknown>;
  /** A second Environment, for what is imported. */
  let other: Record<string, unknown>;

  const onWeb = async (command: string) => (await hosts.web.exec(command)).stdout;
  const sql = (text: string, of = 'shop') =>
    hosts.connect(`aegir_${of}`, database_password, `USE aegir_${of}; SET NAMES utf8mb4; ${text}`);
  const content = async (of: string) =>
    (await sql('SELECT * FROM `or``ders`; SELECT * FROM child; SELECT * FROM seen; SHOW TRIGGERS', of)).stdout
      .replaceAll(`aegir_${of}`, 'own')
      .replace(/\d{4}-\S+ \S+/g, '');
  const checksum = () => createHash('sha256').update(readFileSync(file)).digest('hex');
  const copy = () => ({ ...other, sha256: checksum() });
  const attempt = (role: string, more: Record<string, unknown> = {}, check = false) => {
    const aegir = { feedback_url: server.url, feedback_token: 'none' };
    return playRole(role, { aegir, ...values, ...more }, { host: hosts.web, check });
  };
  const play = async (role: string, more: Record<string, unknown> = {}): Promise<PlayResult> => {
    const result = await attempt(role, more);
    if (result.code !== 0) throw new Error(`${role} failed:\n${result.output}`);
    return result;
  };
  const refused = async (role: string, more: Record<string, unknown> = {}) => {
    const result = await attempt(role, more);
    if (result.code !== 2) throw new Error(`${role} was to fail:\n${result.output}`);
    return words(result);
  };
  const shown = async (name: string) => (await execa('tar', ['xzOf', file, name])).stdout;

  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'aegir-archive-'));
    file = join(folder, 'made.tar.gz');
    hosts = await startDatabaseHosts('ar', true);
    server = await startArchiveServer(file, hosts.web.gateway);
    const make = async (environment_name: string) => {
      const prepared = await playRole('prepare_environment', { environment_name }, { host: hosts.web });
      const made = await hosts.play('create_database', {
        ...{ environment_name, database_password, ca: hosts.ca },
        ...{ client_address: hosts.web.address, host: hosts.database.address },
      });
      const { path: environment_path, user: environment_user } = prepared.outputs;
      return { environment_path, environment_user, database: made.outputs.database, database_password };
    };
    const common = { deployed_hash: hash, application_name: 'generic', primary_name: 'shop.example.org', salt };
    values = { environment_name: 'shop', ...common, ...(await make('shop')) };
    other = await make('shop-copy');
    expect((await sql(tables)).stderr).toBe('');
    await onWeb(
      `cd ${path} && echo one >files/one && mkdir files/sub && echo two >'files/sub/t"w o' && ln -s /etc/passwd files/sub/out &&
      ln -s ../one files/sub/within && mkfifo files/pipe && ln files/one files/twice && echo secret >private/p && chmod 640 files/one &&
      mkdir -p releases/${hash}/.git && cd releases/${hash} && echo code >index.html && echo x >.git/HEAD && ln -s ../../settings settings &&
      ln -s ../../files uploads && echo 'pass: ${database_password}' >leak.php && ln -sfn releases/${hash} ../../current && chown -Rh aegir-shop: ${path}/files ${path}/private`,
    );
  });

  afterAll(async () => {
    await server?.stop();
    await hosts?.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  test('an archive has the database and the files, whose owner leads nobody elsewhere, and no password', async () => {
    const { outputs, output } = await play('export_archive');
    expect(outputs.summary).toMatch(
      /^shop-1, 1 MB: code .* in 1 files, database .* in 1 files, files .* in 4 files, private .* in 1 files$/,
    );
    expect(await shown('database/database.sql')).toContain('Straße 🚲');
    expect(JSON.parse(await shown('MANIFEST.yml')).aegir).toMatchObject({ tables: { 'or`ders': 3, child: 1 } });
    const all = (await execa('tar', ['xzOf', file])).stdout;
    for (const secret of [database_password, salt]) expect(all + output).not.toContain(secret);
    expect(await onWeb(`ls ${path}`)).not.toContain('export');
    expect(await refused('export_archive', { database_password: 'wrong' })).toContain('does not let the site in');
    await play('export_archive');
  });

  test('it makes another site of the same content, which belongs to that one', async () => {
    const { outputs } = await play('check_archive', { sha256: checksum(), database_server: 'db' });
    expect(outputs).toMatchObject({ primary_name: 'shop.example.org', path });
    await play('load_archive', copy());
    expect(await onWeb(`cd ${path}-copy && find files private -printf '%p %m %u:%g %l\\n' | sort`)).toBe(
      [
        'files 750 aegir-shop-copy:aegir-shop-copy ',
        ...[
          'files/one 640 aegir-shop-copy:aegir-shop-copy ',
          'files/sub 755 aegir-shop-copy:aegir-shop-copy ',
          'files/sub/t"w o 644 aegir-shop-copy:aegir-shop-copy ',
        ],
        ...[
          'files/sub/within 777 aegir-shop-copy:aegir-shop-copy ../one',
          'files/twice 640 aegir-shop-copy:aegir-shop-copy ',
          'private 700 aegir-shop-copy:aegir-shop-copy ',
          'private/p 644 aegir-shop-copy:aegir-shop-copy ',
        ],
      ].join('\n'),
    );
    expect(await content('shop_copy')).toBe(await content('shop'));
    expect(await onWeb(`ls ${path}-copy`)).not.toMatch(/restore|before|maintenance/);
  });

  test.each([
    ['another database', 'USE aegir_shop; DROP TABLE child;', 'about another database'],
    ['rights of an administrator', 'SET GLOBAL max_connections = 1;', 'rights of an administrator'],
    ['a program', '\\! touch /tmp/aegir-hit\n', 'The database refuses'],
    ['a program by its word', 'system touch /tmp/aegir-hit\n', 'The database refuses'],
    [
      'a file of the Server',
      "CREATE TABLE t (a TEXT); LOAD DATA LOCAL INFILE '/etc/shadow' INTO TABLE t;",
      'The database refuses',
    ],
    ['a routine', 'CREATE PROCEDURE p() SELECT 1;', 'routines or events'],
    ['further SQL of the Server', 'source /etc/passwd\n', 'The database refuses'],
  ])('SQL that wants %s is refused, and reaches nothing', async (_what, text, message) => {
    const before = await content('shop');
    const made = join(folder, 'foreign');
    await execa('mkdir', ['-p', join(made, 'database'), join(made, 'files')]);
    writeFileSync(join(made, 'database/database.sql'), text);
    writeFileSync(join(made, 'files/new'), 'new');
    await execa('tar', ['czf', file, '--owner=0', '-C', made, '.']);
    expect(await refused('load_archive', copy())).toContain(message);
    expect(await content('shop')).toBe(before);
    expect(await onWeb(`ls /tmp/aegir-hit ${path}-copy/files/new ${path}-copy/restore 2>/dev/null`)).toBe('');
    expect((await sql('SELECT * FROM t', 'shop_copy')).stdout).toBe('');
  });

  test('definers of another account, triggers and lines of any length come along', async () => {
    const made = join(folder, 'foreign');
    const long = 'x'.repeat(300_000);
    writeFileSync(
      join(made, 'database/database.sql'),
      [
        '/*M!999999\\- enable the sandbox mode */ ',
        'CREATE TABLE a (id INT, text MEDIUMTEXT);',
        `INSERT INTO a VALUES (1, '${long}\nUSE it; DELIMITER'), (2, 'DEFINER=\`x\`@\`y\`');`,
        'DELIMITER ;;',
        '/*!50003 CREATE*/ /*!50017 DEFINER=`root`@`localhost`*/ /*!50003 TRIGGER tr BEFORE INSERT ON a FOR EACH ROW BEGIN SET NEW.id = 7; END */;;',
        'DELIMITER ;',
        '/*!50001 CREATE ALGORITHM=UNDEFINED */',
        '/*!50013 DEFINER=`root`@`localhost` SQL SECURITY DEFINER */',
        '/*!50001 VIEW `v` AS select 1 AS `one` */;',
        '',
      ].join('\n'),
    );
    await execa('tar', ['czf', file, '--owner=0', '-C', made, '.']);
    await play('load_archive', copy());
    expect(
      (
        await sql(
          'SELECT id, LENGTH(text), RIGHT(text, 20) FROM a; SELECT * FROM v; INSERT INTO a VALUES (3, NULL); SELECT MAX(id) FROM a',
          'shop_copy',
        )
      ).stdout,
    ).toBe(`1\t300018\txx\\nUSE it; DELIMITER\n2\t15\tDEFINER=\`x\`@\`y\`\n1\n7`);
  });

  test('a file of 2 GB comes and goes with little memory on the Server', async () => {
    await onWeb(`truncate -s 2G ${path}/files/large`);
    const watch = hosts.web.exec(
      `while [ ! -e /tmp/over ]; do ps -eo rss=,comm= | grep python | sort -n | tail -1; sleep 0.2; done | sort -n | tail -1`,
    );
    await play('export_archive');
    await play('load_archive', copy());
    await onWeb('touch /tmp/over');
    expect(Number.parseInt((await watch).stdout, 10)).toBeLessThan(120_000);
    expect(await onWeb(`stat -c %s ${path}-copy/files/large`)).toBe(String(2 * 1024 ** 3));
  });
});
