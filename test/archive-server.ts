// The control plane's end of archives, for roles that are played alone: what a role brings and fetches is one file.

import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import { createServer } from 'node:http';
import { pipeline } from 'node:stream/promises';
import { type Listening, listen } from './listen.ts';

/** Its address is as `feedback_url` of a run. */
export type ArchiveServer = Listening;

export async function startArchiveServer(file: string, host: string): Promise<ArchiveServer> {
  const server = createServer(async (request, response) => {
    try {
      if (request.url !== '/archive') return void response.writeHead(404).end('{"detail": "No such path."}');
      if (request.method === 'GET') return await pipeline(createReadStream(file), response);
      const hash = createHash('sha256');
      request.on('data', (piece: Buffer) => hash.update(piece));
      await pipeline(request, createWriteStream(file));
      const { size } = await stat(file);
      response.writeHead(201).end(JSON.stringify({ id: 'A', name: 'shop-1', bytes: size, sha256: hash.digest('hex') }));
    } catch {
      response.destroy();
    }
  });
  return listen(server, host);
}
