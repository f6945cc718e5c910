// The parts of one machine, as the supervisor runs them: what each is, needs, and how it is started with the settings.

import { dirname, join } from 'node:path';
import type { Config } from '../config.ts';
import { locateCaddy, startCaddy } from './caddy.ts';
import { renderEnvironment, renderPlainEnvironment } from './environment.ts';
import { keepPassword } from './home.ts';
import type { Running } from './launch.ts';
import { explainExit, isHealthy, startNodePart } from './node-part.ts';
import type { WantedPort } from './ports.ts';
import { databaseFolder, databaseUrl, startPostgres } from './postgres.ts';
import { isPrepared } from './prepared.ts';
import type { Part } from './supervisor.ts';
import { codecEndpoint, findProgram, findTemporal, startTemporal } from './temporal.ts';

export interface PartsOptions {
  config: Config;
  environment: NodeJS.ProcessEnv;
  mark: string;
}

/** A database or a Temporal of one's own, named in the settings, takes the place of the one that is started here. */
export function listParts(options: PartsOptions): Part[] {
  const { config, environment } = options;
  return [
    ...(config.databaseUrl ? [] : [postgresPart(options)]),
    ...(environment.TEMPORAL_ADDRESS ? [] : [temporalPart(options)]),
    caddyPart(options),
    apiPart(options),
    workerPart(options),
  ].map((part, _, all) => ({ ...part, after: part.after.filter(name => all.some(other => other.name === name)) }));
}

export function listPorts({ config, environment }: Pick<PartsOptions, 'config' | 'environment'>): WantedPort[] {
  const { local, api } = config;
  const loopback = '127.0.0.1';
  return [
    { setting: 'AEGIR_PORT', host: api.host, port: api.port, what: 'Aegir' },
    { setting: 'AEGIR_WEB_PORT', host: loopback, port: local.webPort, what: 'the sites of this machine' },
    ...(config.databaseUrl
      ? []
      : [{ setting: 'AEGIR_DATABASE_PORT', host: loopback, port: local.databasePort, what: 'the database' } as const]),
    ...(environment.TEMPORAL_ADDRESS
      ? []
      : [
          { setting: 'AEGIR_TEMPORAL_PORT', host: loopback, port: local.temporalPort, what: 'Temporal' } as const,
          { setting: 'AEGIR_CONSOLE_PORT', host: loopback, port: local.consolePort, what: 'its console' } as const,
        ]),
  ];
}

function postgresPart({ config, environment, mark }: PartsOptions): Part {
  const { port, logFile } = { port: config.local.databasePort, logFile: logOf(config, 'postgres') };
  return {
    ...{ name: 'postgres', port, logFile, after: [] },
    start: signal =>
      startPostgres({
        dataFolder: databaseFolder(config.home),
        password: keepPassword(config.home),
        environment: renderPlainEnvironment(environment, mark),
        ...{ port, logFile, signal },
      }),
  };
}

function temporalPart({ config, environment, mark }: PartsOptions): Part {
  const { port, logFile } = { port: config.local.temporalPort, logFile: logOf(config, 'temporal') };
  return {
    ...{ name: 'temporal', port, logFile, after: [] },
    start: async signal =>
      startTemporal({
        binary: findTemporal(environment.PATH ?? '', dirname(config.python)),
        dataFolder: join(config.home, 'temporal'),
        namespace: config.temporal.namespace,
        environment: renderPlainEnvironment(environment, mark),
        console: { port: config.local.consolePort, publicPath: '/temporal', codecEndpoint },
        ...{ port, logFile, signal },
      }),
  };
}

function caddyPart({ config, environment, mark }: PartsOptions): Part {
  const { port, logFile } = { port: config.local.webPort, logFile: logOf(config, 'caddy') };
  return {
    ...{ name: 'caddy', port, logFile, after: [] },
    start: async signal =>
      startCaddy({
        ...locateCaddy(config.home),
        binary: findProgram('caddy', [dirname(config.python)]),
        environment: renderPlainEnvironment(environment, mark),
        ...{ port, logFile, signal },
      }),
  };
}

function apiPart(options: PartsOptions): Part {
  const { config } = options;
  const { port, logFile } = { port: config.api.port, logFile: logOf(config, 'api') };
  return {
    ...{ name: 'api', port, logFile, after: ['postgres', 'temporal'] },
    start: signal =>
      startNodePart({
        ...{ what: 'The API', file: 'server.ts', installation: config.installation, logFile, signal },
        environment: environmentOfOurs(options),
        // Streams that are open are cut; a request takes less.
        graceMs: 5000,
        isReady: () => isHealthy(localApiUrl(config)),
      }),
    explain: (running: Running) => explainExit('The API', running),
  };
}

function workerPart(options: PartsOptions): Part {
  const { config } = options;
  const logFile = logOf(config, 'worker');
  return {
    // The API brings the database into the form that both expect.
    ...{ name: 'worker', port: null, logFile, after: ['temporal', isPrepared(config) ? 'postgres' : 'api'] },
    start: signal =>
      startNodePart({
        ...{ what: 'The worker', file: 'worker.ts', installation: config.installation, logFile, signal },
        environment: environmentOfOurs(options),
        // It ends the Tasks that it runs, and says so to Temporal.
        graceMs: 15_000,
        isReady: output => output().includes('worker ready'),
      }),
    explain: (running: Running) => explainExit('The worker', running),
  };
}

function environmentOfOurs({ config, environment, mark }: PartsOptions): NodeJS.ProcessEnv {
  const own = () => databaseUrl({ password: keepPassword(config.home), port: config.local.databasePort });
  return renderEnvironment(environment, config, { databaseUrl: config.databaseUrl || own(), mark });
}

/** Where this machine itself reaches the API, whatever the public address is. */
export function localApiUrl({ api }: Config): string {
  const everywhere = ['0.0.0.0', '::'];
  const host = everywhere.includes(api.host) ? '127.0.0.1' : api.host;
  return `http://${host.includes(':') ? `[${host}]` : host}:${api.port}`;
}

function logOf(config: Config, name: string): string {
  return join(config.home, 'logs', `${name}.log`);
}
