// What the manifests of our Task types become for values such as Operations give: compared whole by manifests.test.ts, and
// shown to a real API server by manifests.cluster.test.ts.

import { join } from 'node:path';
import type { Run } from '../activities/backends/backend.ts';
import { readSources, renderManifests, type Sources } from '../activities/backends/kubernetes/render.ts';
import { makeRun } from '../activities/backends/test-run.ts';
import { readCatalogue } from '../catalogue/index.ts';
import { argumentsOn } from '../model/backend-choice.ts';
import { isGiven } from '../model/coerce.ts';
import type { Manifest } from '../model/manifest.ts';
import { webNames } from '../model/name-fields.ts';
import type { TaskType } from '../model/task-type.ts';

type Values = Record<string, unknown>;

const project = join(import.meta.dirname, '..');

const site = { primary_name: 'shop.example.org', aliases: ['*.shop.example.org'], redirect_names: ['old.example.org'] };

/** By the name of the argument; a Task type that has others says them in `cases`. */
const usual: Values = {
  environment_name: 'shop',
  environment_path: '/srv/site',
  environment_user: '',
  code_path: '/app',
  url: 'http://shop.example.org',
  salt: 'secret-of-the-keys',
  primary_name: site.primary_name,
  project_name: 'shop',
  repository: 'https://git.example.org/shop.git',
  hash: '0123456789abcdef0123456789abcdef01234567',
  image: `registry.example.org/sites/shop@sha256:${'a'.repeat(64)}`,
  tools_image: 'registry.example.org/aegir/tools:1',
  build_image: 'registry.example.org/aegir/build:1',
  registry: 'registry.example.org/sites',
  database_image: 'mariadb:10.11',
  database: { name: 'site', user: 'site', host: 'database', port: 3306 },
  database_password: 'secret-of-the-database',
  disk_gb: 5,
  cpu: 1.5,
  memory_mb: 512,
  replicas: 2,
  storage_class: 'fast',
  ingress_class: 'traefik',
  web_names: webNames(site),
  environment_id: '01J0000000000000000000SH0P',
  sha256: 'b'.repeat(64),
  snapshot: 'c'.repeat(64),
  store: { type: 'sftp', address: 'backup.example.org', password: 'secret-of-the-store' },
};

/** A database that is not in the cluster. */
const onServer = { name: 'aegir_shop', user: 'aegir_shop', host: '192.0.2.7', port: 3306, ca: 'its authority' };

/** Further values, by Task type and case; without a case of its own a Task type is shown with the usual ones. */
const cases: Record<string, Record<string, Values>> = {
  deploy_release: {
    there: {},
    build: {
      image: null,
      registry_user: 'aegir',
      registry_password: 'password-of-the-registry',
      base_image: 'php',
      settings_file: 'wp-config.php',
      settings_text: "<?php\nrequire_once '/srv/site/settings/wordpress.php';\n",
      php_image: 'registry.example.org/aegir/php:1',
      web_image: 'registry.example.org/aegir/web:1',
      deploy_key: 'key-for-the-repository',
    },
  },
  trust_database_server: { '': { database: onServer } },
  run_php: { '': { upload_mb: 100, kind: 'staging', denied: ['*.inc', 'core/*.txt'], php_files: ['index.php'] } },
  get_certificates: {
    order: { https: 'acme', names: ['shop.example.org', 'old.example.org'] },
    issuer: { https: 'acme', names: ['shop.example.org'], certificate_issuer: 'letsencrypt' },
  },
  verify_release: { '': { registry_password: 'password-of-the-registry' } },
  install_generic: {
    plain: {},
    commands: { build: ['php migrate.php', "echo 'two words'"], service_variables: { MODE: 'fast', LIMIT: 3 } },
    server: { build: ['php migrate.php'], database: onServer },
  },
  set_maintenance: { shown: { shown: true }, away: { shown: false }, stays: { shown: false, stays_closed: true } },
  close_environment: { reason: { notice: 'Back on <Monday>.' }, plain: {} },
  switch_release: {
    first: { database: null },
    next: { deployed_hash: 'f'.repeat(40) },
    server: { database: onServer },
  },
  write_vhost: {
    plain: { web_names: webNames({ primary_name: 'shop.example.org' }) },
    redirects: { web_names: webNames({ ...site, www: 'add', redirects: ['/from /to 302', '/a https://b.example/'] }) },
    acme: { https: 'acme', web_names: webNames({ ...site, https: 'acme' }) },
    issuer: {
      https: 'acme',
      certificate_issuer: 'letsencrypt',
      ingress_annotations: { 'example.org/a': 'b' },
      web_names: webNames({ ...site, https: 'acme' }),
    },
    uploaded: {
      https: 'uploaded',
      https_certificate: 'the certificate',
      https_key: 'key-of-the-certificate',
      disabled: 'Back on Monday.',
      web_names: webNames({ primary_name: 'shop.example.org', https: 'uploaded' }),
    },
  },
  ...Object.fromEntries(
    ['check_backup_store', 'store_backup', 'check_restore', 'restore_backup', 'export_archive'].map(type => [
      type,
      { '': { repository: '01J0000000000000000000SH0P', deployed_hash: 'f'.repeat(40) } },
    ]),
  ),
  ...Object.fromEntries(
    ['check_wordpress_update', 'check_drupal_update'].map(type => [
      type,
      { '': { present_image: `registry.example.org/sites/shop@sha256:${'d'.repeat(64)}` } },
    ]),
  ),
  run_command: { command: { command: ['php', 'do it.php', '$HOME'], seconds: 60 } },
};

export interface Sample {
  type: string;
  /** `write_vhost.issuer` */
  name: string;
  documents: Manifest[];
  absent: Manifest[];
  mistakes: string[];
}

/** Of every Task type that has manifests, or of one with other values. */
export async function readSamples(only?: { type: string; values: Values }): Promise<Sample[]> {
  const { taskTypes } = await readCatalogue({
    roles: [join(project, 'roles')],
    operations: [join(project, 'operations')],
    applications: [join(project, 'applications')],
  });
  const types = [...taskTypes.values()].filter(({ backends }) => backends.includes('kubernetes'));
  const [one] = types.filter(({ name }) => name === only?.type);
  if (only && one) return [await sampleOf(one, '', only.values)];
  const samples = types.flatMap(type =>
    Object.entries(cases[type.name] ?? { '': {} }).map(([name, values]) => sampleOf(type, name, values)),
  );
  return (await Promise.all(samples)).sort((one, other) => (one.name < other.name ? -1 : 1));
}

async function sampleOf(type: TaskType, name: string, more: Values): Promise<Sample> {
  const given = { ...usual, ...more };
  const values = Object.fromEntries(
    type.arguments.flatMap(({ name: argument }) => (isGiven(given[argument]) ? [[argument, given[argument]]] : [])),
  );
  const cluster = {
    id: 'cluster-1',
    name: 'prod',
    kubeconfig: '',
    context: '',
    namespace: type.namespace === 'builds' ? 'aegir--builds' : 'aegir-shop',
    environment: type.namespace === 'builds' ? null : { id: '01J0000000000000000000SH0P', name: 'shop' },
    feedbackUrl: 'https://aegir.example.org/api/feedback/01J0000000000000000000TASK',
  };
  const folder = join(project, 'roles', type.name);
  const run = makeRun({
    taskType: { ...type, title: type.title },
    folder,
    target: 'cluster',
    cluster,
    arguments: values,
  });
  const { rendered, mistakes } = renderManifests(run, cluster, await readNamedSources(run));
  const of = (absent: boolean) => rendered.filter(each => each.absent === absent).map(({ document }) => document);
  const missing = argumentsOn(type, 'kubernetes')
    .filter(argument => argument.required && !(argument.name in values))
    .map(argument => `"${argument.name}" of ${type.name} has no sample: add one.`);
  return {
    type: type.name,
    name: name ? `${type.name}.${name}` : type.name,
    documents: of(false),
    absent: of(true),
    mistakes: [...missing, ...mistakes],
  };
}

/** A program that is mounted, and the role, are files of their own: they are shown by their names only. */
async function readNamedSources(run: Run): Promise<Sources> {
  const { manifests, files, role } = await readSources(run);
  const named = [...files].map(([name, texts]): [string, Record<string, string>] => [
    name,
    Object.fromEntries(Object.keys(texts).map(file => [file, `text of ${name}/${file}`])),
  ]);
  return { manifests, files: new Map(named), ...(role && { role: Buffer.from(`the role ${run.taskType.name}`) }) };
}
