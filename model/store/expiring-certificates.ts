// Certificates that end soon although they should have been renewed: looked for in what the last Operation found.

import { and, isNotNull, isNull } from 'drizzle-orm';
import { expiringOf } from '../certificates.ts';
import type { Database } from './database.ts';
import { endNotices, lastingKeys, noticeKey, raiseNotice } from './notices.ts';
import { environments } from './schema/index.ts';

export async function raiseExpiring(db: Database, now: Date): Promise<void> {
  const rows = await db
    .select({
      id: environments.id,
      name: environments.name,
      organisation: environments.organisation,
      https: environments.https,
      state: environments.state,
      certificates: environments.certificates,
    })
    .from(environments)
    .where(and(isNotNull(environments.certificates), isNull(environments.side_of)));
  const raised = await lastingKeys(db, 'certificate_expiring');
  for (const { id, name, organisation, https, state, certificates } of rows) {
    const isServed = https !== 'off' && (state === 'enabled' || state === 'disabled' || state === 'broken');
    const message = isServed ? expiringOf({ certificates }, now) : '';
    const subject = { kind: 'environment' as const, id, name };
    const key = noticeKey('certificate_expiring', subject);
    if ((message !== '') === raised.has(key)) continue;
    await db.transaction(tx =>
      message
        ? raiseNotice(tx, { organisation, event: 'certificate_expiring', subject, key, message })
        : endNotices(tx, { organisation, key, ...(isServed ? { recovered: 'Its certificates are good again.' } : {}) }),
    );
  }
}
