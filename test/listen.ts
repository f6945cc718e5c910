// An HTTP server for the time of a test, on a free port.

import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Listening {
  /** Without a final slash. */
  url: string;
  stop(): Promise<void>;
}

export async function listen(server: Server, host: string): Promise<Listening> {
  await new Promise<void>(resolve => server.listen(0, host, resolve));
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${host}:${port}`,
    stop: () => {
      server.closeAllConnections();
      return new Promise(resolve => server.close(() => resolve()));
    },
  };
}
