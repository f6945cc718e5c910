// Backups by their roles alone, with the database on another host: what is kept, what comes back, and what is refused.

import { appendFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type BackupSite, siteHash, sitePath, siteRepository, startBackupSite } from './backup-site.ts';
import { canRunHosts } from './test-host.ts';

const reason = canRunHosts();
const path = sitePath;

/** Odd names, bytes that are no text, line ends and quotes in values, and a view and a trigger of the site's own account. */
const content = `
CREATE TABLE \`or\`\`ders\` (id INT PRIMARY KEY, note TEXT, data BLOB) CHARACTER SET utf8mb4;
INSERT INTO \`or\`\`ders\` VALUES (1, 'it''s\\n(2, fine);\\n', x'00ff27'), (2, 'Straße 🚲', NULL), (3, '', x'');
CREATE TABLE empty (id INT); CREATE TABLE child (id INT, parent INT, FOREIGN KEY (parent) REFERENCES \`or\`\`ders\`(id));
INSERT INTO child VALUES (1, 1);
CREATE VIEW seen AS SELECT id FROM \`or\`\`ders\`;
CREATE TRIGGER noted BEFORE INSERT ON child FOR EACH ROW SET NEW.id = NEW.id + 0;`;

describe.skipIf(reason !== null)(`backups of a site${reason ? ` (skipped: ${reason})` : ''}`, () => {
  let site: BackupSite;
  let snapshot: string;

  const state = async () => [
    await site.onWeb(
      `cd ${path} && find files private -printf '%p %m %U %G %l %s\\n' | sort; cat files/* 2>/dev/null | sha256sum`,
    ),
    (await site.sql('CHECKSUM TABLE `or``ders`, child, empty; SELECT * FROM seen; SHOW TRIGGERS')).stdout.replace(
      /\d{4}-\S+ \S+/g,
      '',
    ),
  ];

  beforeAll(async () => {
    site = await startBackupSite('bk', content);
    await site.onWeb(
      `cd ${path} && echo one >files/one && mkdir files/sub && echo two >'files/sub/t"w o' && ln -s /etc/passwd files/sub/link &&
      echo secret >private/p && chmod 640 files/one && chown -Rh aegir-shop: files/* private/p`,
    );
  });

  afterAll(async () => site?.stop());

  test('a backup says what it has, and the store holds nothing of it in clear', async () => {
    const dumped = await site.play('dump_database');
    expect(dumped.outputs.dump).toMatchObject({ tables: { 'or`ders': 3, empty: 0, child: 1 } });
    expect(dumped.output).not.toContain('k3k3');
    const { outputs, output } = await site.play('store_backup', { dump: dumped.outputs.dump, note: 'a test' });
    expect(output).not.toContain('correct horse');
    snapshot = String(outputs.snapshot);
    expect(outputs.backup).toMatchObject({
      name: expect.stringMatching(/^shop-\d{8}-\d{6}$/),
      ...{ snapshot, deployed_hash: siteHash, note: 'a test' },
      manifest: {
        hash: siteHash,
        files: { count: 3, bytes: 8 },
        private: { count: 1, bytes: 7 },
        database: dumped.outputs.dump,
      },
    });
    const stored = readdirSync(site.folder, { recursive: true, withFileTypes: true })
      .filter(entry => entry.isFile())
      .map(entry => readFileSync(join(entry.parentPath, entry.name), 'latin1'))
      .join('\n');
    expect(stored.length).toBeGreaterThan(1000);
    for (const clear of ['Straße', 'secret', 'or`ders', 'k3k3', 'shop']) expect(stored).not.toContain(clear);
    expect(await site.onWeb(`stat -c '%a %U' ${path}/backup ${path}/backup/*; ls /root`)).toBe(
      '700 root\n600 root\n600 root\nca.pem',
    );
  });

  test('what was damaged comes back as it was, with its owners and links', async () => {
    const before = await state();
    await site.sql(
      'DROP VIEW seen; DROP TABLE child; DELETE FROM `or``ders` WHERE id > 1; CREATE TABLE later (id INT)',
    );
    await site.onWeb(`cd ${path} && rm -r files/sub && echo other >files/one && echo new >files/new`);
    expect(await state()).not.toEqual(before);
    await site.play('restore_backup', { snapshot });
    expect(await state()).toEqual(before);
    expect((await site.sql("SHOW TABLES LIKE 'later'")).stdout).toBe('');
    expect(await site.onWeb(`ls ${path}`)).not.toMatch(/restore|before|maintenance/);
  });

  test('only the files, or only the database, come back', async () => {
    await site.onWeb(`echo changed >${path}/files/one`);
    await site.sql('DELETE FROM child');
    await site.play('restore_backup', { snapshot, parts: 'database' });
    expect([await site.onWeb(`cat ${path}/files/one`), (await site.sql('SELECT COUNT(*) FROM child')).stdout]).toEqual([
      'changed',
      '1',
    ]);
    await site.sql('DELETE FROM child');
    await site.play('restore_backup', { snapshot, parts: 'files' });
    expect([await site.onWeb(`cat ${path}/files/one`), (await site.sql('SELECT COUNT(*) FROM child')).stdout]).toEqual([
      'one',
      '0',
    ]);
    await site.play('restore_backup', { snapshot, parts: 'database' });
  });

  test('a store that is not the one, and a database that is away, are told in words and change nothing', async () => {
    const before = await state();
    expect(await site.refused('restore_backup', { snapshot, store: { ...site.store, password: 'wrong' } })).toContain(
      'The encryption password of the Backup store is not the one',
    );
    expect(await site.refused('restore_backup', { snapshot, repository: '01J00000000000000000000001' })).toContain(
      'This backup is of another Environment',
    );
    expect(await site.refused('store_backup', { store: { ...site.store, address: 'http://127.0.0.1:9' } })).toContain(
      'does not answer',
    );
    expect(await site.refused('dump_database', { database_password: 'wrong' })).toContain('does not let the site in');
    expect(await state()).toEqual(before);
    await site.hosts.database.exec('systemctl stop mariadb.socket mariadb');
    expect(await site.refused('dump_database')).toContain('The database cannot be reached');
    expect(await site.refused('restore_backup', { snapshot })).toContain('The database cannot be reached');
    await site.hosts.database.exec('systemctl start mariadb');
    expect(await state()).toEqual(before);
  });

  test('what is gone is told, and a backup whose dump was skipped says so', async () => {
    for (const role of ['dump_database', 'store_backup'])
      expect(await site.refused(role, { environment_path: '/var/lib/aegir/environments/gone' })).toContain(
        'gone, is gone',
      );
    const { outputs } = await site.play('store_backup', { note: 'a test' });
    expect(outputs.backup).toMatchObject({ note: 'a test (without its database)', manifest: { database: null } });
    const words = await site.refused('restore_backup', { snapshot: outputs.snapshot });
    expect(words).toContain('The backup has no database. Choose the files only.');
  });

  test('the lock of a process that is dead does not stop a backup', async () => {
    // It reads so slowly that it is killed while it has the repository for itself.
    const command = `RESTIC_PASSWORD='correct horse' restic -r rest:${site.server.url}/${siteRepository}/`;
    await site.onWeb(`${command} check --read-data --limit-download 1 >/dev/null 2>&1 &
      until [ -n "$(${command} list locks --no-lock)" ]; do sleep 0.1; done; pkill -KILL restic`);
    expect(readdirSync(join(site.folder, siteRepository, 'locks'))).toHaveLength(1);
    await site.backUp();
    expect(readdirSync(join(site.folder, siteRepository, 'locks'))).toHaveLength(0);
  });

  test('what was spoiled in the store is noticed, and the site stays as it is', async () => {
    const before = await state();
    const data = join(site.folder, siteRepository, 'data');
    for (const entry of readdirSync(data, { recursive: true, withFileTypes: true })) {
      if (!entry.isFile()) continue;
      const file = join(entry.parentPath, entry.name);
      const bytes = readFileSync(file);
      bytes.fill(0, 0, Math.min(bytes.length, 4000));
      writeFileSync(file, bytes);
    }
    appendFileSync(join(site.folder, 'note'), '');
    expect(await site.refused('restore_backup', { snapshot })).toContain('The Backup store could not be used');
    expect(await state()).toEqual(before);
  });
});
