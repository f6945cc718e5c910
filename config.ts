// The only reader of the environment. It fails once, naming everything that is missing or wrong; the result is passed down.

import { isIP } from 'node:net';
import { isAbsolute, join, resolve } from 'node:path';
import { AppError, type Problem } from './model/errors.ts';

export interface Config {
  /** Folder of everything that one machine keeps: database, keys, local sites. */
  home: string;
  /** Where this installation lies (roles/, operations/, ...). */
  installation: string;
  api: { host: string; port: number; publicUrl: string; urlForWorkers: string; proxies: string[] };
  databaseUrl: string;
  temporal: { address: string; namespace: string; taskQueue: string; consoleUrl: string };
  secretKey: { value: string } | { file: string };
  paths: { roles: string[]; operations: string[]; applications: string[] };
  /** Interpreter of the virtual environment that holds ansible-core. */
  python: string;
  /** `version`: '' = workers of one version at a time. */
  worker: { concurrentTasks: number; runFolder: string; version: string };
  /** `program`: '' = terraform, else tofu. `plugins`: folder of the providers, as nothing is downloaded. */
  terraform: { program: string; plugins: string };
  /** What one attempt of a Task may store; of more, the end is kept. */
  logLimitBytes: number;
  /** By which messages to people go; null = none is sent. */
  smtp: Smtp | null;
  /** After how many days logs, runs and lines of the audit log go; 0 = never. */
  history: { logDays: number; runDays: number; auditDays: number };
  /** Portable archives: where they lie, what one may have, after how many days they go. */
  archives: ArchiveRules;
  /** Ports of the parts that `npm start` runs itself. */
  local: { databasePort: number; temporalPort: number; consolePort: number; webPort: number };
}

export interface Smtp {
  host: string;
  port: number;
  security: SmtpSecurity;
  user: string;
  password: { value: string } | { file: string } | null;
  from: string;
}

/** With the port that each usually has. */
const smtpPorts = { starttls: 587, tls: 465, none: 25 };
type SmtpSecurity = keyof typeof smtpPorts;

export interface ArchiveRules {
  folder: string;
  limitBytes: number;
  days: number;
}

/** Every name that is read, with its default as `.env.example` shows it. A test compares the two. */
export const settings = {
  AEGIR_HOME: '.aegir',
  AEGIR_HOST: '127.0.0.1',
  AEGIR_PORT: '8420',
  AEGIR_PUBLIC_URL: '',
  AEGIR_API_URL: '',
  AEGIR_TRUSTED_PROXIES: '127.0.0.1,::1',
  AEGIR_WEB_PORT: '8421',
  AEGIR_DATABASE_URL: '',
  AEGIR_DATABASE_PORT: '8422',
  TEMPORAL_ADDRESS: '',
  AEGIR_TEMPORAL_PORT: '8423',
  AEGIR_CONSOLE_PORT: '8424',
  AEGIR_CONSOLE_URL: '',
  AEGIR_TEMPORAL_NAMESPACE: 'aegir',
  AEGIR_TASK_QUEUE: 'aegir',
  AEGIR_SECRET_KEY: '',
  AEGIR_SECRET_KEY_FILE: '',
  AEGIR_ROLES_PATH: '',
  AEGIR_OPERATIONS_PATH: '',
  AEGIR_APPLICATIONS_PATH: '',
  AEGIR_PYTHON: '',
  AEGIR_CONCURRENT_TASKS: '8',
  AEGIR_RUN_FOLDER: '',
  AEGIR_WORKER_VERSION: '',
  AEGIR_TERRAFORM: '',
  AEGIR_TERRAFORM_PLUGINS: '',
  AEGIR_LOG_LIMIT_MIB: '256',
  AEGIR_LOG_DAYS: '90',
  AEGIR_RUN_DAYS: '400',
  AEGIR_AUDIT_DAYS: '800',
  AEGIR_ARCHIVES_FOLDER: '',
  AEGIR_ARCHIVE_LIMIT_GIB: '20',
  AEGIR_ARCHIVE_DAYS: '14',
  AEGIR_SMTP_HOST: '',
  AEGIR_SMTP_PORT: '',
  AEGIR_SMTP_SECURITY: 'starttls',
  AEGIR_SMTP_USER: '',
  AEGIR_SMTP_PASSWORD: '',
  AEGIR_SMTP_PASSWORD_FILE: '',
  AEGIR_SMTP_FROM: '',
} as const;

export type SettingName = keyof typeof settings;

/** @param directory where relative paths start, and where this installation lies. */
export function readConfig(environment: Record<string, string | undefined>, directory: string): Config {
  const problems: Problem[] = [];
  const text = (name: SettingName) => environment[name] || settings[name];
  const number = (name: SettingName, least: number, most: number) => {
    const value = Number(text(name));
    if (!Number.isInteger(value) || value < least || value > most) {
      problems.push({ path: name, message: `"${text(name)}" is not a whole number from ${least} to ${most}.` });
    }
    return value;
  };
  const port = (name: SettingName) => number(name, 1, 65_535);
  const url = (name: SettingName, fallback: string) => {
    const value = text(name) || fallback;
    if (!URL.canParse(value)) problems.push({ path: name, message: `"${value}" is not an address.` });
    return value.replace(/\/$/, '');
  };
  const folders = (name: SettingName) => {
    const list = text(name).split(':').filter(Boolean);
    for (const folder of list.filter(entry => !isAbsolute(entry))) {
      problems.push({ path: name, message: `"${folder}" must be an absolute path.` });
    }
    return list;
  };
  const networks = (name: SettingName) => {
    const list = text(name)
      .split(',')
      .map(entry => entry.trim())
      .filter(entry => entry !== '' && entry !== 'none');
    for (const entry of list) {
      const [address = '', bits = '0', ...rest] = entry.split('/');
      const most = isIP(address) === 6 ? 128 : 32;
      if (isIP(address) && /^\d{1,3}$/.test(bits) && Number(bits) <= most && rest.length === 0) continue;
      problems.push({ path: name, message: `"${entry}" is neither an address nor a network such as 10.0.0.0/8.` });
    }
    return list;
  };
  const buildId = (name: SettingName) => {
    const value = text(name);
    if (!/^[\w.-]{0,100}$/.test(value))
      problems.push({ path: name, message: `"${value}" may have letters, digits, ".", "_" and "-" only.` });
    return value;
  };

  const home = resolve(directory, text('AEGIR_HOME'));
  const local = {
    databasePort: port('AEGIR_DATABASE_PORT'),
    temporalPort: port('AEGIR_TEMPORAL_PORT'),
    consolePort: port('AEGIR_CONSOLE_PORT'),
    webPort: port('AEGIR_WEB_PORT'),
  };
  const host = text('AEGIR_HOST');
  const apiPort = port('AEGIR_PORT');
  const ownUrl = `http://${host === '0.0.0.0' || host === '127.0.0.1' ? 'localhost' : host}:${apiPort}`;
  const config: Config = {
    home,
    installation: directory,
    api: {
      host,
      port: apiPort,
      publicUrl: url('AEGIR_PUBLIC_URL', ownUrl),
      proxies: networks('AEGIR_TRUSTED_PROXIES'),
      urlForWorkers: url('AEGIR_API_URL', `http://127.0.0.1:${apiPort}`),
    },
    // The embedded database listens on loopback and on a socket of its folder only, without a password: whoever may use
    // this machine's loopback is kept out by pg_hba.conf, which start/postgres.ts writes with a generated password.
    databaseUrl: text('AEGIR_DATABASE_URL'),
    temporal: {
      address: text('TEMPORAL_ADDRESS') || `127.0.0.1:${local.temporalPort}`,
      namespace: text('AEGIR_TEMPORAL_NAMESPACE'),
      taskQueue: text('AEGIR_TASK_QUEUE'),
      consoleUrl: url('AEGIR_CONSOLE_URL', `http://127.0.0.1:${local.consolePort}`),
    },
    secretKey: text('AEGIR_SECRET_KEY')
      ? { value: text('AEGIR_SECRET_KEY') }
      : { file: resolve(directory, text('AEGIR_SECRET_KEY_FILE') || join(home, 'secret.key')) },
    paths: {
      roles: [join(directory, 'roles'), ...folders('AEGIR_ROLES_PATH')],
      operations: [join(directory, 'operations'), ...folders('AEGIR_OPERATIONS_PATH')],
      applications: [join(directory, 'applications'), ...folders('AEGIR_APPLICATIONS_PATH')],
    },
    python: text('AEGIR_PYTHON') || join(directory, '.cache', 'python', 'bin', 'python'),
    worker: {
      concurrentTasks: number('AEGIR_CONCURRENT_TASKS', 1, 1000),
      runFolder: text('AEGIR_RUN_FOLDER'),
      version: buildId('AEGIR_WORKER_VERSION'),
    },
    terraform: {
      program: text('AEGIR_TERRAFORM'),
      plugins: resolve(directory, text('AEGIR_TERRAFORM_PLUGINS') || join(home, 'terraform-plugins')),
    },
    logLimitBytes: number('AEGIR_LOG_LIMIT_MIB', 1, 100_000) * 1024 * 1024,
    history: {
      logDays: number('AEGIR_LOG_DAYS', 0, 36_500),
      runDays: number('AEGIR_RUN_DAYS', 0, 36_500),
      auditDays: number('AEGIR_AUDIT_DAYS', 0, 36_500),
    },
    archives: {
      folder: resolve(directory, text('AEGIR_ARCHIVES_FOLDER') || join(home, 'archives')),
      limitBytes: number('AEGIR_ARCHIVE_LIMIT_GIB', 1, 10_000) * 1024 ** 3,
      days: number('AEGIR_ARCHIVE_DAYS', 1, 3650),
    },
    smtp: readSmtp({ text, number, problems, directory }),
    local,
  };
  if (problems.length > 0) {
    const list = problems.map(problem => `${problem.path}: ${problem.message}`).join('\n');
    throw new AppError('invalid', `Settings that cannot be used:\n${list}`, { problems });
  }
  return config;
}

interface SmtpReading {
  text(name: SettingName): string;
  number(name: SettingName, least: number, most: number): number;
  problems: Problem[];
  directory: string;
}

function readSmtp({ text, number, problems, directory }: SmtpReading): Smtp | null {
  const host = text('AEGIR_SMTP_HOST');
  if (!host) return null;
  const problem = (path: SettingName, message: string) => problems.push({ path, message });
  const security = text('AEGIR_SMTP_SECURITY') as SmtpSecurity;
  if (!(security in smtpPorts)) problem('AEGIR_SMTP_SECURITY', `"${security}" is none of starttls, tls and none.`);
  const port = text('AEGIR_SMTP_PORT') ? number('AEGIR_SMTP_PORT', 1, 65_535) : smtpPorts[security];
  const [user, from] = [text('AEGIR_SMTP_USER'), text('AEGIR_SMTP_FROM')];
  if (!/^([^<>\r\n]+<)?[^\s<>@]+@[^\s<>@]+>?$/.test(from))
    problem('AEGIR_SMTP_FROM', `"${from}" is no sender such as Aegir <aegir@example.org>.`);
  const [value, file] = [text('AEGIR_SMTP_PASSWORD'), text('AEGIR_SMTP_PASSWORD_FILE')];
  if (value && file) problem('AEGIR_SMTP_PASSWORD_FILE', 'is set beside AEGIR_SMTP_PASSWORD: keep one.');
  if (user && !value && !file)
    problem('AEGIR_SMTP_USER', 'needs a password: set AEGIR_SMTP_PASSWORD_FILE or AEGIR_SMTP_PASSWORD.');
  if (user && security === 'none')
    problem('AEGIR_SMTP_SECURITY', '"none" would send the password of AEGIR_SMTP_USER in clear: use starttls or tls.');
  const password = file ? { file: resolve(directory, file) } : value ? { value } : null;
  return { host, port, security, user, password, from };
}

/** For processes that cannot do without a database. @throws AppError invalid */
export function requireDatabase(config: Config): string {
  if (config.databaseUrl) return config.databaseUrl;
  throw new AppError(
    'invalid',
    'AEGIR_DATABASE_URL is not set. Use "npm start", or give the address of a PostgreSQL database.',
  );
}
