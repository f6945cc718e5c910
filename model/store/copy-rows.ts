// COPY of PostgreSQL on a connection: rows as text, out of a table and into one, a few MiB of them at a time.

import type pg from 'pg';

/** What `pg` has besides what its types say, for queries of one's own (its `Submittable`). */
type Connection = pg.Connection & {
  sendCopyFromChunk(chunk: Buffer): void;
  endCopyFrom(): void;
};

/** What is read ahead of whoever takes it. */
const aheadBytes = 4 * 1024 * 1024;

class Copying {
  /** `pg` calls it when the statement is over, and demands that it is there. */
  callback = () => undefined;
  readonly over = Promise.withResolvers<number>();
  private readonly text: string;
  private rows = 0;

  constructor(text: string) {
    this.text = text;
    // Whoever copies hears of it when it asks next.
    this.over.promise.catch(() => undefined);
  }

  submit(connection: pg.Connection): void {
    connection.query(this.text);
  }

  /** The tag is `COPY <rows>`. */
  handleCommandComplete({ text }: { text: string }): void {
    this.rows = Number(text.split(' ')[1] ?? 0);
  }

  handleReadyForQuery(): void {
    this.over.resolve(this.rows);
  }

  handleError(error: Error): void {
    this.over.reject(error);
  }
}

class CopyingOut extends Copying {
  private chunks: Buffer[] = [];
  private bytes = 0;
  private connection: pg.Connection | undefined;
  private arrived = Promise.withResolvers<void>();

  handleCopyData({ chunk }: { chunk: Buffer }, connection: pg.Connection): void {
    this.connection = connection;
    // The parser of `pg` uses its buffer again.
    this.chunks.push(Buffer.from(chunk));
    this.bytes += chunk.length;
    if (this.bytes > aheadBytes) connection.stream.pause();
    this.arrived.resolve();
  }

  /** Undefined: that was all. */
  async take(): Promise<Buffer | undefined> {
    while (this.chunks.length === 0) {
      const isOver = await Promise.race([this.over.promise.then(() => true), this.arrived.promise.then(() => false)]);
      if (isOver && this.chunks.length === 0) return undefined;
    }
    const taken = Buffer.concat(this.chunks);
    this.chunks = [];
    this.bytes = 0;
    this.arrived = Promise.withResolvers();
    this.connection?.stream.resume();
    return taken;
  }
}

/** @param text COPY … TO STDOUT */
export async function* copyOut(client: pg.Client, text: string): AsyncGenerator<Buffer, number> {
  const copying = client.query(new CopyingOut(text));
  for (;;) {
    const chunk = await copying.take();
    if (!chunk) return copying.over.promise;
    yield chunk;
  }
}

class CopyingIn extends Copying {
  readonly begun = Promise.withResolvers<Connection>();

  handleCopyInResponse(connection: pg.Connection): void {
    this.begun.resolve(connection as Connection);
  }

  override handleError(error: Error): void {
    this.begun.promise.catch(() => undefined);
    this.begun.reject(error);
    super.handleError(error);
  }
}

export interface RowsIn {
  write(chunk: Buffer): Promise<void>;
  /** Answers how many rows there were. */
  end(): Promise<number>;
}

/** @param text COPY … FROM STDIN */
export async function copyIn(client: pg.Client, text: string): Promise<RowsIn> {
  const copying = client.query(new CopyingIn(text));
  const connection = await copying.begun.promise;
  return {
    async write(chunk) {
      connection.sendCopyFromChunk(chunk);
      if (!connection.stream.writableNeedDrain) return;
      const drained = new Promise<void>(resolve => connection.stream.once('drain', resolve));
      await Promise.race([drained, copying.over.promise]);
    },
    end() {
      connection.endCopyFrom();
      return copying.over.promise;
    },
  };
}
