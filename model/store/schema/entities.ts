// Tables of the entities. A column is called like its field in model/entities.ts, so that one generic function reads and
// writes them all (a test compares the two). Constraints hold what must be true whoever writes.

import { sql } from 'drizzle-orm';
import {
  type AnyPgColumn,
  bigint,
  boolean,
  check,
  doublePrecision,
  index,
  integer,
  jsonb,
  pgTable,
  primaryKey,
  text,
  uniqueIndex,
} from 'drizzle-orm/pg-core';
import { common, live, organisation, secretOf, time, validName } from './common.ts';

export const backupStores = pgTable(
  'backup_stores',
  {
    ...common,
    organisation: organisation(),
    type: text('type').notNull(),
    folder: text('folder'),
    address: text('address'),
    user: text('user'),
    user_password: secretOf('user_password'),
    port: integer('port'),
    private_key: secretOf('private_key'),
    host_key: text('host_key'),
    bucket: text('bucket'),
    region: text('region'),
    access_key: text('access_key'),
    secret_key: secretOf('secret_key'),
    password: secretOf('password').notNull(),
  },
  table => [
    uniqueIndex('backup_stores_name').on(table.organisation, table.name).where(live),
    check('backup_stores_name_valid', validName),
    check('backup_stores_type_known', sql.raw(`type in ('directory', 'sftp', 's3', 'rest')`)),
    check(
      'backup_stores_place',
      sql.raw(`coalesce(case type when 'directory' then folder else address end, '') <> ''`),
    ),
  ],
);

const backupStore = () => text('backup_store').references(() => backupStores.id);

export const clusters = pgTable(
  'clusters',
  {
    ...common,
    organisation: organisation(),
    kind: text('kind').notNull(),
    backup_store: backupStore(),
    drill_cluster: text('drill_cluster').references((): AnyPgColumn => clusters.id),
    connection: text('connection'),
    kubeconfig: secretOf('kubeconfig'),
    context: text('context'),
    namespace_prefix: text('namespace_prefix'),
    ingress_class: text('ingress_class'),
    storage_class: text('storage_class'),
    feedback_url: text('feedback_url'),
    certificate_issuer: text('certificate_issuer'),
    ingress_annotations: jsonb('ingress_annotations').$type<Record<string, unknown>>(),
    tools_image: text('tools_image'),
    database_image: text('database_image'),
    build_image: text('build_image'),
    web_image: text('web_image'),
    php_image: text('php_image'),
    registry: text('registry'),
    registry_user: text('registry_user'),
    registry_password: secretOf('registry_password'),
    registry_plain: boolean('registry_plain'),
    keep_production: text('keep_production').notNull().default('last 3, daily 7, weekly 5, monthly 12'),
    keep_staging: text('keep_staging').notNull().default('last 2, daily 7, weekly 2'),
    keep_development: text('keep_development').notNull().default('last 2, daily 3'),
    keep_days: integer('keep_days').notNull().default(7),
    acme_directory: text('acme_directory'),
    acme_contact: text('acme_contact'),
    acme_ca: text('acme_ca'),
    facts: jsonb('facts').$type<Record<string, unknown>>(),
  },
  table => [
    uniqueIndex('clusters_name').on(table.organisation, table.name).where(live),
    check('clusters_name_valid', validName),
    check(
      'clusters_connection',
      sql.raw(`kind = 'servers' or coalesce(connection, '') in ('kubeconfig', 'in_cluster')`),
    ),
    check('clusters_kind_known', sql.raw(`kind in ('servers', 'kubernetes')`)),
    // A day at least: what a running Operation goes back to is never older. Ten years at most.
    check('clusters_keep_days_valid', sql.raw('keep_days between 1 and 3660')),
  ],
);

export const servers = pgTable(
  'servers',
  {
    ...common,
    organisation: organisation(),
    cluster: text('cluster')
      .notNull()
      .references(() => clusters.id),
    connection: text('connection').notNull(),
    address: text('address'),
    internal_address: text('internal_address'),
    port: integer('port'),
    user: text('user'),
    ssh_key: secretOf('ssh_key'),
    host_key: text('host_key'),
    become: boolean('become').notNull().default(false),
    python: text('python'),
    web: boolean('web').notNull().default(true),
    web_service: text('web_service'),
    web_port: integer('web_port'),
    web_settings: jsonb('web_settings').$type<Record<string, unknown>>(),
    base_path: text('base_path'),
    php_versions: jsonb('php_versions').$type<string[]>().notNull().default([]),
    packages: jsonb('packages').$type<string[]>().notNull().default([]),
    trusted_proxies: jsonb('trusted_proxies').$type<string[]>().notNull().default([]),
    database_clients: jsonb('database_clients').$type<string[]>().notNull().default([]),
    capacity: integer('capacity'),
    concurrent_operations: integer('concurrent_operations').notNull().default(10),
    database: boolean('database').notNull().default(false),
    database_service: text('database_service').default('mariadb'),
    database_port: integer('database_port').default(3306),
    facts: jsonb('facts').$type<Record<string, unknown>>(),
    unprivileged: boolean('unprivileged'),
    database_ca: text('database_ca'),
    orphans: jsonb('orphans').$type<unknown[]>(),
  },
  table => [
    uniqueIndex('servers_name').on(table.organisation, table.name).where(live),
    index('servers_cluster').on(table.cluster),
    check('servers_name_valid', validName),
    check('servers_connection_known', sql.raw(`connection in ('ssh', 'local')`)),
    check('servers_ssh_has_address', sql.raw(`connection <> 'ssh' or coalesce(address, '') <> ''`)),
    check(
      'servers_port_valid',
      sql.raw('port between 1 and 65535 and web_port between 1 and 65535 and database_port between 1 and 65535'),
    ),
    check('servers_capacity_valid', sql.raw('capacity >= 0')),
    check('servers_concurrent_operations_valid', sql.raw('concurrent_operations >= 1')),
  ],
);

export const projects = pgTable(
  'projects',
  {
    ...common,
    organisation: organisation(),
    repository: text('repository').notNull(),
    deploy_key: secretOf('deploy_key'),
    webhook_secret: secretOf('webhook_secret'),
    application: text('application').notNull(),
    default_ref: text('default_ref'),
    docroot: text('docroot'),
    current_release: text('current_release').references((): AnyPgColumn => releases.id),
    refs: jsonb('refs').$type<string[]>(),
  },
  table => [
    uniqueIndex('projects_name').on(table.organisation, table.name).where(live),
    check('projects_name_valid', validName),
    check('projects_repository_no_option', sql.raw(`repository !~ '^-'`)),
  ],
);

export const releases = pgTable(
  'releases',
  {
    ...common,
    organisation: organisation(),
    project: text('project')
      .notNull()
      .references(() => projects.id),
    git_ref: text('git_ref').notNull(),
    locked: boolean('locked').notNull().default(false),
    hash: text('hash'),
    image: text('image'),
  },
  table => [
    uniqueIndex('releases_name').on(table.project, table.name).where(live),
    check('releases_name_valid', validName),
    check('releases_ref_no_option', sql.raw(`git_ref !~ '^-'`)),
    check('releases_hash_valid', sql.raw(`hash ~ '^([0-9a-f]{40}|[0-9a-f]{64})$'`)),
  ],
);

/** Where a Release lies. */
export const presences = pgTable(
  'presences',
  {
    release: text('release')
      .notNull()
      .references(() => releases.id),
    server: text('server')
      .notNull()
      .references(() => servers.id),
    path: text('path').notNull(),
    created_at: time('created_at').notNull().defaultNow(),
  },
  table => [primaryKey({ columns: [table.release, table.server] })],
);

export const environments = pgTable(
  'environments',
  {
    ...common,
    organisation: organisation(),
    release: text('release')
      .notNull()
      .references(() => releases.id),
    cluster: text('cluster')
      .notNull()
      .references(() => clusters.id),
    web_server: text('web_server').references(() => servers.id),
    database_server: text('database_server').references(() => servers.id),
    kind: text('kind').notNull(),
    primary_name: text('primary_name').notNull(),
    follow_branch: text('follow_branch'),
    aliases: jsonb('aliases').$type<string[]>().notNull().default([]),
    redirect_names: jsonb('redirect_names').$type<string[]>().notNull().default([]),
    www: text('www').notNull().default('as_is'),
    redirect_aliases: boolean('redirect_aliases').notNull().default(false),
    redirects: jsonb('redirects').$type<string[]>().notNull().default([]),
    php_version: text('php_version'),
    mail: text('mail'),
    backup_store: backupStore(),
    keep: text('keep'),
    https: text('https').notNull().default('off'),
    https_redirect: boolean('https_redirect').notNull().default(true),
    hsts_days: integer('hsts_days').notNull().default(0),
    https_certificate: text('https_certificate'),
    https_key: secretOf('https_key'),
    upload_mb: integer('upload_mb').notNull().default(64),
    cluster_database: boolean('cluster_database'),
    replicas: integer('replicas').notNull().default(1),
    cpu: doublePrecision('cpu').notNull().default(1),
    memory_mb: integer('memory_mb').notNull().default(512),
    disk_gb: integer('disk_gb').notNull().default(5),
    database_password: secretOf('database_password'),
    salt: secretOf('salt'),
    path: text('path'),
    url: text('url'),
    deployed_hash: text('deployed_hash'),
    upstream_port: integer('upstream_port'),
    image: text('image'),
    user: text('user'),
    php: text('php'),
    database: jsonb('database').$type<Record<string, unknown>>(),
    placement: jsonb('placement').$type<Record<string, unknown>>(),
    vhost: jsonb('vhost').$type<Record<string, unknown>>(),
    certificates: jsonb('certificates').$type<Record<string, unknown>>(),
    disabled_notice: text('disabled_notice'),
    previous_release: text('previous_release').references(() => releases.id),
    side_of: text('side_of').references((): AnyPgColumn => environments.id),
    throwaway_of: text('throwaway_of').references((): AnyPgColumn => environments.id),
  },
  table => [
    uniqueIndex('environments_name')
      .on(table.organisation, table.name)
      .where(sql.raw(`state <> 'deleted' and side_of is null`)),
    uniqueIndex('environments_side').on(table.side_of).where(live),
    index('environments_release').on(table.release),
    index('environments_web_server').on(table.web_server),
    index('environments_database_server').on(table.database_server),
    index('environments_cluster').on(table.cluster),
    // Few at any time: who looks for them reads no others.
    index('environments_throwaway')
      .on(table.throwaway_of)
      .where(sql.raw(`throwaway_of is not null and state <> 'deleted'`)),
    check('environments_name_valid', validName),
    // The other side of one whose database alone was moved has none.
    check('environments_kind_known', sql.raw(`kind in ('production', 'staging', 'development')`)),
    check('environments_https_known', sql.raw(`https in ('off', 'acme', 'uploaded')`)),
    // Two years: what lists of browsers ask for at most.
    check('environments_hsts_valid', sql.raw('hsts_days between 0 and 730')),
    check('environments_upload_valid', sql.raw('upload_mb between 1 and 10240')),
  ],
);

/** Copies of Environments. Made by Tasks; their rows stay for as long as their snapshots do. */
export const backups = pgTable(
  'backups',
  {
    ...common,
    organisation: organisation(),
    environment: text('environment')
      .notNull()
      .references(() => environments.id),
    release: text('release')
      .notNull()
      .references(() => releases.id),
    backup_store: text('backup_store')
      .notNull()
      .references(() => backupStores.id),
    note: text('note'),
    snapshot: text('snapshot').notNull(),
    deployed_hash: text('deployed_hash'),
    // Sites may be larger than 2 GiB.
    bytes: bigint('bytes', { mode: 'number' }),
    manifest: jsonb('manifest').$type<Record<string, unknown>>(),
    pinned: boolean('pinned').notNull().default(false),
    pin_note: text('pin_note'),
    // ISO 8601, UTC.
    judged_at: text('judged_at'),
    failure: text('failure'),
    recovery_seconds: integer('recovery_seconds'),
    proven_on: text('proven_on'),
  },
  table => [
    index('backups_environment').on(table.environment, table.created_at),
    // Lists say of each Environment how old its last proven one is.
    index('backups_proven').on(table.environment, table.created_at).where(sql.raw(`state = 'proven'`)),
    uniqueIndex('backups_snapshot').on(table.backup_store, table.environment, table.snapshot),
    check('backups_name_valid', validName),
    check('backups_state_known', sql.raw(`state in ('unproven', 'proven', 'failed', 'removed')`)),
  ],
);

/** Portable archives: the file lies in a folder of the control plane, named by the id. */
export const archives = pgTable(
  'archives',
  {
    ...common,
    organisation: organisation(),
    environment: text('environment').references(() => environments.id),
    origin: text('origin').notNull(),
    bytes: bigint('bytes', { mode: 'number' }).notNull(),
    sha256: text('sha256').notNull(),
    application: text('application'),
    primary_name: text('primary_name'),
    deployed_hash: text('deployed_hash'),
    // ISO 8601, UTC.
    goes_at: text('goes_at').notNull(),
  },
  table => [
    uniqueIndex('archives_name').on(table.organisation, table.name).where(live),
    index('archives_environment').on(table.environment),
    check('archives_name_valid', validName),
    check('archives_state_known', sql.raw(`state in ('kept', 'deleted')`)),
    check('archives_origin_known', sql.raw(`origin in ('export', 'collect', 'upload')`)),
    check('archives_sha256_valid', sql.raw(`sha256 ~ '^[0-9a-f]{64}$'`)),
  ],
);

/**
 * Every host name that an Environment answers to, `*.example.org` as such: one name belongs to one Environment. Gone when it is
 * deleted. Names that an Operation is about to give it are kept for it until that is over.
 */
export const environmentNames = pgTable(
  'environment_names',
  {
    name: text('name').primaryKey(),
    environment: text('environment')
      .notNull()
      .references(() => environments.id),
    operation: text('operation'),
  },
  table => [
    index('environment_names_environment').on(table.environment),
    check(
      'environment_names_valid',
      sql.raw(
        `length(name) <= 253 and name ~ '^([*][.])?[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?([.][a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*$'`,
      ),
    ),
  ],
);
