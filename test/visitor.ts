// A visitor with a browser's memory for cookies, who finds every name at one host.

import { type IncomingHttpHeaders, request } from 'node:http';

export interface Visit {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

export interface Visitor {
  /** Follows nothing. */
  get(url: string): Promise<Visit>;
}

export function createVisitor(address: string): Visitor {
  const cookies = new Map<string, string>();
  return {
    async get(url) {
      const { host, pathname, search } = new URL(url);
      const cookie = [...cookies].map(([name, value]) => `${name}=${value}`).join('; ');
      const visit = await ask(address, `${pathname}${search}`, { host, ...(cookie ? { cookie } : {}) });
      for (const text of visit.headers['set-cookie'] ?? []) {
        const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(text) ?? [];
        cookies.set(name, value);
      }
      return visit;
    },
  };
}

function ask(host: string, path: string, headers: Record<string, string>): Promise<Visit> {
  return new Promise((resolve, reject) => {
    const call = request({ host, port: 80, path, headers }, async response => {
      let body = '';
      for await (const part of response) body += part;
      resolve({ status: response.statusCode ?? 0, headers: response.headers, body });
    });
    // nginx closes the connection of a name that it does not know.
    call.once('error', (error: NodeJS.ErrnoException) =>
      error.code === 'ECONNRESET' ? resolve({ status: 0, headers: {}, body: '' }) : reject(error),
    );
    call.end();
  });
}
