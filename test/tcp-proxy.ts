// A way to a port that can be cut and healed again, for tests of what happens when a part of Aegir is away.

import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net';

export interface TcpProxy {
  /** host:port */
  address: string;
  /** Drops every connection and refuses new ones. */
  cut(): void;
  heal(): void;
  stop(): Promise<void>;
}

/** @param target host:port */
export async function startTcpProxy(target: string): Promise<TcpProxy> {
  const { hostname, port } = new URL(`tcp://${target}`);
  const sockets = new Set<Socket>();
  let whole = true;
  const keep = (socket: Socket, other: Socket) => {
    sockets.add(socket);
    socket.on('close', () => {
      sockets.delete(socket);
      other.destroy();
    });
    // Its close follows.
    socket.on('error', () => undefined);
  };
  const server = createServer(inner => {
    if (!whole) return inner.destroy();
    const outer = createConnection({ host: hostname, port: Number(port) });
    keep(inner, outer);
    keep(outer, inner);
    return inner.pipe(outer).pipe(inner);
  });
  await new Promise<void>(resolve => server.listen(0, '127.0.0.1', resolve));
  const drop = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    address: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    cut() {
      whole = false;
      drop();
    },
    heal() {
      whole = true;
    },
    async stop() {
      drop();
      await new Promise(resolve => server.close(resolve));
    },
  };
}
