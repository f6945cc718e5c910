// A database Server and a web Server for tests of roles: two test hosts prepared from nothing by our own roles, and ways to
// ask MariaDB from either.

import { type PlayOptions, type PlayResult, playRole } from './play-role.ts';
import { type ExecResult, startTestHost, type TestHost } from './test-host.ts';

export interface DatabaseHosts {
  database: TestHost;
  web: TestHost;
  /** Values with which the database Server was prepared. */
  prepared: Record<string, unknown>;
  /** Certificate of the database Server's authority; the web host has it as /root/ca.pem. */
  ca: string;
  /** Plays on the database host; throws with the output when it fails. */
  play(role: string, values: Record<string, unknown>, options?: PlayOptions): Promise<PlayResult>;
  /** Lines of the answer to root on the database host. */
  ask(sql: string): Promise<string[]>;
  /** MariaDB's own client on the web host. */
  connect(user: string, password: string, sql: string, flags?: string): Promise<ExecResult>;
  stop(): Promise<void>;
}

const verified = '--ssl-ca=/root/ca.pem --ssl-verify-server-cert';

/** @param isStocked their packages are there already. */
export async function startDatabaseHosts(prefix: string, isStocked: boolean): Promise<DatabaseHosts> {
  const hosts = await Promise.all([
    startTestHost(`${prefix}d`, isStocked ? 'database' : undefined),
    startTestHost(`${prefix}w`, isStocked ? 'web' : undefined),
  ]);
  const [database, web] = hosts;
  const stop = async () => void (await Promise.all(hosts.map(host => host.stop())));
  const play = (role: string, values: Record<string, unknown>, options: PlayOptions = {}) =>
    mustPlay(role, values, { host: database, ...options });
  const prepared = { database: true, address: database.address, web_addresses: [web.address] };
  try {
    const [{ outputs }] = await Promise.all([
      play('prepare_database_server', prepared, { facts: true }),
      mustPlay('prepare_web_server', { packages: ['php8.2-cli', 'php8.2-mysql'] }, { host: web, facts: true }),
    ]);
    const ca = String(outputs.ca);
    await web.exec(`cat >/root/ca.pem <<'END'\n${ca}END\n`);
    const ask = async (sql: string) => (await database.exec(client('--raw', sql))).stdout.split('\n');
    const connect = (user: string, password: string, sql: string, flags = verified) =>
      web.exec(client(`--host=${database.address} --user=${user} --password=${password} ${flags}`, sql));
    return { database, web, prepared, ca, play, ask, connect, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function mustPlay(role: string, values: Record<string, unknown>, options: PlayOptions): Promise<PlayResult> {
  const result = await playRole(role, values, options);
  if (result.code !== 0) throw new Error(`${role} failed:\n${result.output}`);
  return result;
}

function client(flags: string, sql: string): string {
  return `mariadb --batch --skip-column-names ${flags} <<'END'\n${sql}\nEND\n`;
}
