// A way to a port that can be cut and healed again, for tests of what happens when a part of Aegir is away.

import { type AddressInfo, createConnection, createServer, type Socket } from 'node:net';

export interface TcpProxy {
  /** host:port */
  address: string;
  /** Drops every connection and refuses new ones. */
  cut(): void;
  /** Takes everything and passes nothing on, as a network does that loses packets. */
  freeze(): void;
  heal(): void;
  stop(): Promise<void>;
}

/** @param target host:port @param host of this machine, at which it listens @param own port there; 0 = a free one */
export async function startTcpProxy(target: string, host = '127.0.0.1', own = 0): Promise<TcpProxy> {
  const { hostname, port } = new URL(`tcp://${target}`);
  const sockets = new Set<Socket>();
  let whole = true;
  let frozen = false;
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
    if (!whole) {
      inner.destroy();
      return;
    }
    const outer = createConnection({ host: hostname, port: Number(port) });
    keep(inner, outer);
    keep(outer, inner);
    inner.pipe(outer).pipe(inner);
    if (frozen) for (const socket of [inner, outer]) socket.pause();
  });
  await new Promise<void>(resolve => server.listen(own, host, resolve));
  const drop = () => {
    for (const socket of sockets) socket.destroy();
  };
  return {
    address: `${host}:${(server.address() as AddressInfo).port}`,
    cut() {
      whole = false;
      drop();
    },
    freeze() {
      frozen = true;
      for (const socket of sockets) socket.pause();
    },
    heal() {
      whole = true;
      frozen = false;
      for (const socket of sockets) socket.resume();
    },
    async stop() {
      drop();
      await new Promise(resolve => server.close(resolve));
    },
  };
}
