// Ports: asked for before anything is started, so that a taken one is named with the setting that moves it.

import { type AddressInfo, createServer } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import type { SettingName } from '../config.ts';
import { AppError } from '../model/errors.ts';

export interface WantedPort {
  setting: SettingName;
  host: string;
  port: number;
  what: string;
}

/** `patienceMs`: how long ports may still be held by what an earlier start has left behind. */
export async function refuseTakenPorts(wanted: WantedPort[], patienceMs: number): Promise<void> {
  refuseDoublePorts(wanted);
  const end = Date.now() + patienceMs;
  for (;;) {
    const errors = await Promise.all(wanted.map(tryPort));
    const taken = wanted.flatMap((entry, index) => (errors[index] ? [{ ...entry, error: errors[index] }] : []));
    if (taken.length === 0) return;
    if (Date.now() >= end) throw new AppError('conflict', taken.map(renderTaken).join('\n'));
    await delay(100);
  }
}

function renderTaken({ setting, port, what, error }: WantedPort & { error: string }): string {
  if (error === 'EACCES') return `Port ${port} for ${what} is not open to this user: set ${setting} to one above 1023.`;
  if (error === 'EADDRNOTAVAIL')
    return `The address for ${what} is not one of this machine: set AEGIR_HOST to one that is.`;
  return `Port ${port} for ${what} is taken by another program: stop that one, or set ${setting} to a free port.`;
}

function refuseDoublePorts(wanted: WantedPort[]): void {
  for (const [index, entry] of wanted.entries()) {
    const twin = wanted.slice(0, index).find(({ port }) => port === entry.port);
    if (twin) throw new AppError('invalid', `${twin.setting} and ${entry.setting} are both ${entry.port}: change one.`);
  }
}

/** The code of the error that listening gives, '' for a free port. */
function tryPort({ host, port }: WantedPort): Promise<string> {
  return new Promise(resolve => {
    const server = createServer();
    server.once('error', (error: NodeJS.ErrnoException) => resolve(error.code ?? 'EADDRINUSE'));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve('')));
  });
}

/** One of loopback that nobody listens on now. */
export async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  await new Promise(resolve => server.close(resolve));
  return port;
}
