// What can go wrong while a site is backed up or restored, on real hosts: each has its own words, and leaves the site, and what was
// kept before, as they are.

import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type BackupSite, sitePath, siteRepository, startBackupSite } from './backup-site.ts';
import { startRepositoryServer } from './repository-server.ts';
import { canRunHosts } from './test-host.ts';

const reason = canRunHosts();

/** Enough to tell what grows with the files from what does not; docs/hosting.md says what more of it takes. */
const megabytes = Number(process.env.AEGIR_TEST_BACKUP_MB ?? 512);
/** Twice and more of what was measured with 2 GB: a copy of the files in memory would be above. */
const mostMegabytes = { restic: 400, python: 120, relay: 300 };

/** 40 MB of rows: long enough to be interrupted. */
const content = `
CREATE TABLE big (id INT PRIMARY KEY AUTO_INCREMENT, text CHAR(200) NOT NULL);
INSERT INTO big (text) SELECT REPEAT(SHA1(seq), 5) FROM seq_1_to_200000;
CREATE TABLE small (id INT PRIMARY KEY);
INSERT INTO small VALUES (1), (2);`;

describe.skipIf(reason !== null)(`damage to backups${reason ? ` (skipped: ${reason})` : ''}`, () => {
  let site: BackupSite;
  let snapshot: string;

  const files = () => site.onWeb(`cd ${sitePath} && ls -A . && find files private -type f -exec sha256sum {} + | sort`);
  const locks = () => readdirSync(join(site.folder, siteRepository, 'locks'));
  const restic = () =>
    `RESTIC_PASSWORD='correct horse' exec restic -r rest:${site.server.url}/${siteRepository}/ --no-cache`;
  /** Holds a lock until it is ended: it reads all data at a crawl. */
  const slowly = () => `${restic()} check --read-data --limit-download 1`;
  const waitForLock = async () => {
    await expect.poll(locks, { timeout: 30_000 }).toHaveLength(1);
  };

  beforeAll(async () => {
    site = await startBackupSite('dm', content);
    await site.onWeb(`cd ${sitePath} && echo one >files/one && head -c 30000000 /dev/urandom >files/much`);
    snapshot = await site.backUp();
  });

  afterAll(async () => site?.stop());

  test('before a backup it is looked whether it can be made', async () => {
    expect((await site.play('check_backup_store')).changed).toBe(0);
    expect((await site.play('check_backup_store', { repository: '01J00000000000000000000007' })).changed).toBe(1);
    expect(await site.refused('check_backup_store', { store: { ...site.store, password: 'wrong' } })).toContain(
      'The encryption password of the Backup store is not the one',
    );
    expect(
      await site.refused('check_backup_store', { store: { ...site.store, address: 'http://127.0.0.1:9' } }),
    ).toContain('The Backup store does not answer');
    await site.onWeb('mount -t tmpfs -o size=60m tmpfs /mnt && mkdir /mnt/shop');
    expect(await site.refused('check_backup_store', { environment_path: '/mnt/shop' })).toMatch(
      /room for \d+ MB; a copy of the database may need \d+ MB/,
    );
    await site.onWeb('umount /mnt; mv /usr/bin/restic /usr/bin/restic.away');
    expect(await site.refused('check_backup_store')).toContain('There is no restic on the web Server');
    await site.onWeb('mv /usr/bin/restic.away /usr/bin/restic');
  });

  test('a disk that is too small for a restore is told before anything is touched', async () => {
    await site.onWeb(
      'mount -t tmpfs -o size=90m tmpfs /mnt && mkdir -p /mnt/shop/files && echo kept >/mnt/shop/files/one',
    );
    for (const role of ['check_restore', 'restore_backup'])
      expect(await site.refused(role, { snapshot, environment_path: '/mnt/shop' })).toMatch(
        /room for \d+ MB; the backup.* may need \d+ MB\. Make room, then start again\. Nothing was changed\./,
      );
    expect(await site.onWeb('find /mnt/shop -type f -o -name restore | sort; ls /mnt/shop/restore; umount /mnt')).toBe(
      '/mnt/shop/files/one\n/mnt/shop/restore',
    );
    expect((await site.play('check_restore', { snapshot })).changed).toBe(0);
    expect(await site.refused('check_restore', { snapshot: '0'.repeat(64) })).toContain(
      'This backup is not in the Backup store any more',
    );
  });

  test('a dump that is cut off, with or without an error of its program, is no dump', async () => {
    const tail = () => site.onWeb(`tail -n 1 ${sitePath}/backup/database.sql; ls ${sitePath}/backup`);
    const before = await tail();
    const wrap = (command: string) =>
      site.onWeb(
        `printf '#!/bin/sh\\n${command}\\n' >/usr/local/bin/mariadb-dump && chmod 755 /usr/local/bin/mariadb-dump`,
      );
    await wrap('/usr/bin/mariadb-dump "$@" | head -c -30');
    expect(await site.refused('dump_database')).toContain(
      'The dump of the database is cut off: its last line is missing.',
    );
    await wrap('/usr/bin/mariadb-dump "$@" | head -c 100000; kill -KILL $$');
    expect(await site.refused('dump_database')).toContain('The database was not copied.');
    await site.onWeb('rm /usr/local/bin/mariadb-dump');
    expect(await tail()).toBe(before);
    await site.onWeb(`truncate -s -30 ${sitePath}/backup/database.sql`);
    const { dump } = (await site.play('dump_database')).outputs;
    await site.onWeb(`truncate -s -30 ${sitePath}/backup/database.sql`);
    expect(await site.refused('store_backup', { dump })).toContain(
      'The dump of the database has changed since it was written',
    );
  });

  test('a database server that goes away in the middle of a dump or a restore is told; a further attempt heals it', async () => {
    const kill = 'systemctl kill --signal KILL mariadb; systemctl stop mariadb.socket mariadb';
    /** Stops the program when the condition is true, ends the server, lets it go on. */
    const interrupt = async (program: string, condition: string) => {
      // A minute: it is there after seconds, or something else is wrong.
      await site.onWeb(
        `end=$(($(date +%s) + 60)); until ${condition} || [ $(date +%s) -gt $end ]; do :; done; pkill -STOP -x ${program}`,
      );
      await site.hosts.database.exec(kill);
      await site.onWeb(`pkill -CONT -x ${program}`);
    };
    const before = await files();
    const draft = `${sitePath}/backup/database.sql.new`;
    const dumped = site.refused('dump_database');
    await interrupt('mariadb-dump', `[ $(stat -c %s ${draft} 2>/dev/null || echo 0) -gt 1000000 ]`);
    expect(await dumped).toMatch(/The database was not copied\. The database cannot be reached/);
    expect(await files()).toBe(before);
    await site.hosts.database.exec('systemctl start mariadb');

    await site.onWeb(`echo two >${sitePath}/files/one`);
    const changed = await files();
    const restored = site.refused('restore_backup', { snapshot });
    // The client that loads reads the most.
    await interrupt(
      'mariadb',
      '[ $(awk "/^rchar/ {print \\$2}" /proc/$(pgrep -nx mariadb)/io 2>/dev/null || echo 0) -gt 5000000 ]',
    );
    expect(await restored).toMatch(/The database is incomplete now.*the files are as before.*cannot be reached/);
    expect((await files()).replace('restore\n', '')).toBe(changed);
    await site.hosts.database.exec('systemctl start mariadb');
    await site.play('restore_backup', { snapshot });
    expect((await site.sql('SELECT COUNT(*), (SELECT COUNT(*) FROM small) FROM big')).stdout).toBe('200000\t2');
    expect(await site.onWeb(`cat ${sitePath}/files/one; ls ${sitePath}`)).not.toMatch(/two|restore|maintenance/);
  });

  test('a full store is told as such, keeps what it has, and takes backups again when there is room', async () => {
    const small = join(site.folder, 'small');
    mkdirSync(small);
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=8m,mode=755', 'tmpfs', small]);
    const server = await startRepositoryServer(small, site.hosts.web.gateway);
    const store = { ...site.store, address: server.url };
    try {
      const { dump } = (await site.play('dump_database')).outputs;
      expect(await site.refused('store_backup', { dump, store })).toContain(
        'The Backup store is full. Make room there; nothing was removed.',
      );
      execFileSync('mount', ['-o', 'remount,size=200m', small]);
      expect(await site.backUp({ store })).toMatch(/^[0-9a-f]{64}$/);
    } finally {
      await server.stop();
      execFileSync('umount', ['--lazy', small]);
    }
  });

  test(`backing up and restoring ${megabytes} MB takes bounded memory of everything that has to do with it`, async () => {
    const served = join(site.folder, 'served');
    mkdirSync(served);
    const relay = spawn(process.execPath, [
      join(import.meta.dirname, 'serve-repository.ts'),
      served,
      site.hosts.web.gateway,
    ]);
    try {
      const address = await new Promise<string>(resolve =>
        relay.stdout.once('data', text => resolve(String(text).trim())),
      );
      const store = { ...site.store, address };
      await site.onWeb(
        `openssl enc -aes-128-ctr -nosalt -K 00 -iv 00 </dev/zero 2>/dev/null | head -c ${megabytes}M >${sitePath}/files/large`,
      );
      const before = await site.onWeb(`sha256sum <${sitePath}/files/large`);
      await site.onWeb(`systemd-run --quiet --collect --unit watch sh -c 'while sleep 0.2; do
        grep -hE "^(Name|VmHWM)" /proc/[0-9]*/status 2>/dev/null; done >/root/memory'`);
      const large = await site.backUp({ store });
      await site.onWeb(`rm ${sitePath}/files/large`);
      await site.play('restore_backup', { store, snapshot: large });
      await site.onWeb('systemctl stop watch');
      expect(await site.onWeb(`sha256sum <${sitePath}/files/large`)).toBe(before);
      const peak = async (name: string) =>
        Number(
          await site.onWeb(
            `grep -A1 -xP 'Name:\\t${name}' /root/memory | awk '/VmHWM/ && $2 > most {most = $2} END {print most / 1024}'`,
          ),
        );
      const status = readFileSync(`/proc/${relay.pid}/status`, 'utf8');
      const peaks = {
        restic: await peak('restic'),
        python: await peak('python3'),
        relay: Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1024,
      };
      console.log(`Most memory with ${megabytes} MB of files: ${JSON.stringify(peaks)} MB`);
      for (const [name, most] of Object.entries(mostMegabytes)) {
        expect([name, peaks[name as keyof typeof peaks]]).toEqual([
          name,
          expect.toSatisfy((found: number) => found > 5 && found < most),
        ]);
      }
      await site.onWeb(`rm /root/memory ${sitePath}/files/large`);
    } finally {
      relay.kill();
    }
  });

  test('the lock of a living process, or of another machine, is respected', async () => {
    await site.onWeb(`systemd-run --quiet --collect --unit reader sh -c "${slowly()}"`);
    await waitForLock();
    const words = await site.refused('check_backup_store');
    expect(words).toMatch(/Another process works with the repository\. Choose “Retry” when it is done\..* on dmw-/);
    expect(locks()).toHaveLength(1);
    await site.onWeb('systemctl stop reader');
    await site.play('check_backup_store');
    expect(locks()).toHaveLength(0);
    await site.onWeb(
      `systemd-run --quiet --collect --unit reader unshare --uts sh -c "hostname elsewhere; ${slowly()}"`,
    );
    await waitForLock();
    await site.onWeb('systemctl kill --signal KILL reader');
    expect(await site.refused('check_backup_store')).toMatch(
      /If it is dead, which cannot be seen from here.* on elsewhere/,
    );
    const [lock = ''] = locks();
    expect(lock).not.toBe('');
    execFileSync('rm', [join(site.folder, siteRepository, 'locks', lock)]);
  });

  test('the lock of a dead process is taken away, also when its number belongs to another one by now', async () => {
    await site.onWeb(`systemd-run --quiet --collect --unit reader sh -c "${slowly()}"`);
    await waitForLock();
    const pid = Number(await site.onWeb('systemctl show --value --property MainPID reader'));
    await site.onWeb('systemctl kill --signal KILL reader');
    const taken = await site.onWeb(`sleep 3; until [ -d /proc/${pid} ]; do
      echo ${pid - 1} >/proc/sys/kernel/ns_last_pid; sleep 300 >/dev/null 2>&1 & done
      while grep -qx bash /proc/${pid}/comm; do sleep 0.1; done; cat /proc/${pid}/comm`);
    expect(taken).toBe('sleep');
    expect(locks()).toHaveLength(1);
    await site.play('check_backup_store');
    expect(locks()).toHaveLength(0);
    await site.onWeb('pkill -x sleep');
  });
});
