// The settings as the parts get them: every name resolved, so that no part has to guess what the supervisor has chosen.

import { delimiter, dirname, join } from 'node:path';
import type { Config, SettingName } from '../config.ts';

/** Carried by everything that a start begins, whatever session it moves to: what is left at the end is found by it. */
export const markName = 'AEGIR_STARTED_BY';

export function renderEnvironment(
  base: NodeJS.ProcessEnv,
  config: Config,
  { databaseUrl, mark }: { databaseUrl: string; mark: string },
): NodeJS.ProcessEnv {
  const extra = (folders: string[]) => folders.slice(1).join(':');
  const resolved: Record<SettingName, string> = {
    AEGIR_HOME: config.home,
    AEGIR_HOST: config.api.host,
    AEGIR_PORT: String(config.api.port),
    AEGIR_PUBLIC_URL: config.api.publicUrl,
    AEGIR_API_URL: config.api.urlForWorkers,
    AEGIR_TRUSTED_PROXIES: config.api.proxies.join(',') || 'none',
    AEGIR_WEB_PORT: String(config.local.webPort),
    AEGIR_DATABASE_URL: databaseUrl,
    AEGIR_DATABASE_PORT: String(config.local.databasePort),
    TEMPORAL_ADDRESS: config.temporal.address,
    AEGIR_TEMPORAL_PORT: String(config.local.temporalPort),
    AEGIR_CONSOLE_PORT: String(config.local.consolePort),
    AEGIR_CONSOLE_URL: config.temporal.consoleUrl,
    AEGIR_TEMPORAL_NAMESPACE: config.temporal.namespace,
    AEGIR_TASK_QUEUE: config.temporal.taskQueue,
    AEGIR_SECRET_KEY: 'value' in config.secretKey ? config.secretKey.value : '',
    AEGIR_SECRET_KEY_FILE: 'file' in config.secretKey ? config.secretKey.file : '',
    AEGIR_ROLES_PATH: extra(config.paths.roles),
    AEGIR_OPERATIONS_PATH: extra(config.paths.operations),
    AEGIR_APPLICATIONS_PATH: extra(config.paths.applications),
    AEGIR_PYTHON: config.python,
    AEGIR_CONCURRENT_TASKS: String(config.worker.concurrentTasks),
    AEGIR_RUN_FOLDER: config.worker.runFolder,
    AEGIR_WORKER_VERSION: config.worker.version,
    AEGIR_TERRAFORM: config.terraform.program,
    AEGIR_TERRAFORM_PLUGINS: config.terraform.plugins,
    AEGIR_LOG_LIMIT_MIB: String(config.logLimitBytes / 1024 / 1024),
    AEGIR_LOG_DAYS: String(config.history.logDays),
    AEGIR_RUN_DAYS: String(config.history.runDays),
    AEGIR_AUDIT_DAYS: String(config.history.auditDays),
    AEGIR_ARCHIVES_FOLDER: config.archives.folder,
    AEGIR_ARCHIVE_LIMIT_GIB: String(config.archives.limitBytes / 1024 ** 3),
    AEGIR_ARCHIVE_DAYS: String(config.archives.days),
    ...smtpEnvironment(config),
  };
  const path = [dirname(config.python), join(config.installation, 'node_modules', '.bin'), base.PATH ?? ''];
  return { ...base, ...resolved, PATH: path.join(delimiter), [markName]: mark };
}

function smtpEnvironment({ smtp }: Config) {
  const password = smtp?.password ?? null;
  return {
    AEGIR_SMTP_HOST: smtp?.host ?? '',
    AEGIR_SMTP_PORT: smtp ? String(smtp.port) : '',
    AEGIR_SMTP_SECURITY: smtp?.security ?? '',
    AEGIR_SMTP_USER: smtp?.user ?? '',
    AEGIR_SMTP_PASSWORD: password && 'value' in password ? password.value : '',
    AEGIR_SMTP_PASSWORD_FILE: password && 'file' in password ? password.file : '',
    AEGIR_SMTP_FROM: smtp?.from ?? '',
  };
}

/** For parts that are not ours: nothing of the settings, least of all secrets. */
export function renderPlainEnvironment(base: NodeJS.ProcessEnv, mark: string): NodeJS.ProcessEnv {
  const kept = ['PATH', 'HOME', 'USER', 'LANG', 'TZ', 'TMPDIR'];
  const entries = kept.map(name => [name, base[name]]).filter(([, value]) => value !== undefined);
  return { ...Object.fromEntries(entries), [markName]: mark };
}
