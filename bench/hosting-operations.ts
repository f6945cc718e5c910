// How long the Operations on a WordPress site with 1 GB of files take beside the bare commands that they stand for, on the same three
// hosts in the same run; what that makes for each Task (target: 2 s at most); for how long visitors got no page of the site.
// Run: node bench/hosting-operations.ts [MB of files]   (as root, on an idle machine with memory for twenty times as much)

import { join } from 'node:path';
import type { OperationView, Page } from '../api/contract.ts';
import type { Entity } from '../model/entities.ts';
import { commitFiles } from '../test/git-server.ts';
import { createVisitor } from '../test/visitor.ts';
import { makeWordPressRepository } from '../test/wordpress-repository.ts';
import { type BareCommand, type BareOperations, bareOperations } from './bare-operations.ts';
import { secondsOf, startHostingFarm, timeOn } from './hosting-farm.ts';

const megabytes = Number(process.argv[2] ?? 1024);
const site = 'blog';
const renamed = 'renamed.example.org';
const files = `/var/lib/aegir/environments/${site}/files`;

// Each of ten copies of the files has room; a host's disk is in memory, and takes what is on it.
process.env.HOSTS_DISK = `${4096 + megabytes * 12}m`;
const farm = await startHostingFarm(true);
const { aegir, make, run, web, second = farm.web, database, repositories, gitUrl } = farm;
const hosts = { web, second, database };
try {
  const bare = bareOperations(
    { name: 'bare', repository: `${gitUrl}/${site}`, host: database.address, client: web.address },
    second.address,
    files,
  );
  await letIn();
  await install();
  for (const command of bare.prepare) await timeBare(command);
  console.log(`WordPress with ${megabytes} MB of files, seconds`);
  row('', 'Operation', 'bare', 'Tasks', 'beyond/Task', 'no page');
  await measure(bare);
} finally {
  await farm.stop();
}

async function install(): Promise<void> {
  const repository = join(repositories, site);
  await makeWordPressRepository(repository);
  await make('projects', { name: site, repository: `${gitUrl}/${site}`, application: 'wordpress' });
  await make('releases', { name: 'v1', project: site, git_ref: 'main' });
  await make('environments', {
    name: site,
    cluster: 'bench',
    release: `${site}/v1`,
    primary_name: `${site}.example.org`,
    web_server: 'web',
  });
  await run('environments', site, 'install_environment', { site_name: 'Bench' });
  // Pictures, mostly: nothing that could be made smaller, and none like another.
  await timeOn(
    web,
    'files',
    `cd ${files}
for n in $(seq ${megabytes * 2}); do head -c 524288 /dev/urandom >picture$n.jpg; done
chown -R --reference=. .`,
  );
}

async function measure(bare: BareOperations): Promise<void> {
  const on = (id: string, type: string, input = {}) => run('environments', id, type, input);
  await compare('Back up, first', () => on(site, 'back_up_environment'), bare.backUp);
  await compare('Back up, again', () => on(site, 'back_up_environment'), bare.backUp);
  const backup = await newestBackup();
  await compare('Restore', () => on(site, 'restore_environment', { backup }), bare.restore);
  const clone = { name: 'copy', primary_name: 'copy.example.org' };
  await compare('Clone', () => on(site, 'clone_environment', clone), bare.clone);
  await compare('Copy data', () => on(site, 'copy_data', { source: 'copy', over_production: true }), bare.copyData);
  await commitFiles(join(repositories, site), { 'wp-content/plugins/extra.php': '<?php // Plugin Name: Extra' });
  await make('releases', { name: 'v2', project: site, git_ref: 'main' });
  await compare('Update', () => on(site, 'update_environment', { release: `${site}/v2` }), bare.update);
  await compare('Roll back', () => on(site, 'roll_back_environment', { parts: 'nothing' }), bare.rollBack);
  await compare('Verify', () => on(site, 'verify_environment'), bare.verify);
  await compare('Disable', () => on(site, 'disable_environment', { notice: 'Bench' }), bare.disable);
  await compare('Enable', () => on(site, 'enable_environment'), bare.enable);
  await compare('Export', () => on(site, 'export_environment'), bare.export);
  await make('environments', {
    ...{ name: 'taken', cluster: 'bench', release: `${site}/v1`, primary_name: 'taken.example.org', web_server: 'web' },
  });
  const { items } = await aegir.call<Page<Entity>>('GET', '/api/archives');
  await compare('Import', () => on('taken', 'import_archive', { archive: String(items[0]?.values.name) }), bare.import);
  await compare('Rename', () => on(site, 'rename_environment', { primary_name: renamed }), bare.rename);
  await compare('Move', () => on(site, 'move_environment', { web_server: 'second' }), bare.move);
  await compare('Move back', () => on(site, 'move_back'), []);
  await compare('Retire', () => on(site, 'retire_side'), []);
  await compare('Delete', () => on('copy', 'delete_environment', { although_enabled: true }), bare.deleteClone);
}

async function compare(title: string, operate: () => Promise<OperationView>, commands: BareCommand[]): Promise<void> {
  const visits = startVisits();
  const operation = await operate();
  const noPage = await visits.stop();
  let bare = 0;
  for (const command of commands) bare += await timeBare(command);
  const total = secondsOf(operation) ?? Number.NaN;
  const tasks = operation.tasks.filter(task => task.startedAt).length;
  const cells = [total, bare].map(seconds => seconds.toFixed(1));
  row(title, ...cells, String(tasks), ((total - bare) / tasks).toFixed(2), noPage.toFixed(1));
}

/** Asks for a page all the time, by each name on each Server: whoever comes to the right one has a page. */
function startVisits(): { stop(): Promise<number> } {
  const visitors = [web, second].map(({ address }) => createVisitor(address));
  const state = { isOver: false, seconds: 0 };
  const visiting = (async () => {
    while (!state.isOver) {
      const start = performance.now();
      const asked = visitors.flatMap(visitor =>
        [`${site}.example.org`, renamed].map(name => visitor.get(`http://${name}/`).catch(() => ({ status: 0 }))),
      );
      const isThere = (await Promise.all(asked)).some(({ status }) => status === 200);
      // Visits themselves take processor time from what is measured.
      await new Promise(resolve => setTimeout(resolve, 200));
      if (!isThere) state.seconds += (performance.now() - start) / 1000;
    }
    return state.seconds;
  })();
  return {
    stop: () => {
      state.isOver = true;
      return visiting;
    },
  };
}

function timeBare([place, command]: BareCommand): Promise<number> {
  return timeOn(hosts[place], command, command);
}

/** From the first web Server to the second, as somebody who moves a site by hand has it. */
async function letIn(): Promise<void> {
  const packages = 'apt-get install -y rsync';
  const key = `mkdir -p /root/.ssh\ncat >/root/.ssh/id_ed25519 <<'END'\n${second.privateKey}\nEND\nchmod 600 /root/.ssh/id_ed25519
echo 'StrictHostKeyChecking no' >/root/.ssh/config`;
  await timeOn(web, 'rsync', `${packages}\n${key}`);
  await timeOn(second, 'rsync', packages);
}

async function newestBackup(): Promise<string> {
  const { items } = await aegir.call<Page<Entity>>('GET', '/api/backups');
  const names = items.map(({ values }) => String(values.name)).sort();
  return names.at(-1) ?? '';
}

function row(title: string, ...cells: string[]): void {
  console.log(title.padEnd(16) + cells.map(cell => cell.padStart(13)).join(''));
}
