// What becomes of a process whose database goes away.

import { expect, inject, test } from 'vitest';
import { startTcpProxy } from '../../test/tcp-proxy.ts';
import { openDatabase } from './database.ts';

test('a connection that is cut between two queries of a transaction fails it, and ends nothing else', async () => {
  const url = new URL(inject('databaseUrl'));
  const proxy = await startTcpProxy(url.host);
  url.host = proxy.address;
  const open = openDatabase(url.href);
  const cutOff = new Promise(resolve => open.pool.once('connect', client => client.once('end', resolve)));
  try {
    const transaction = open.db.transaction(async tx => {
      await tx.execute('select 1');
      proxy.cut();
      await cutOff;
      await tx.execute('select 1');
    });
    await expect(transaction).rejects.toThrow();
    proxy.heal();
    await expect
      .poll(() =>
        open.db.execute('select 1').then(
          ({ rowCount }) => rowCount,
          () => 0,
        ),
      )
      .toBe(1);
  } finally {
    await open.close();
    await proxy.stop();
  }
});
