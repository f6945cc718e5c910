// The catalogue as the folders have it now: read again when something in them has changed, its versions kept.

import { catalogueSignature, readCatalogue } from '../catalogue/index.ts';
import { publishVersions } from '../catalogue/versions.ts';
import type { CatalogueSource } from '../dispatch/dependencies.ts';
import type { Catalogue } from '../model/catalogue.ts';
import type { Database } from '../model/store/database.ts';

export interface CataloguePaths {
  roles: string[];
  operations: string[];
  applications: string[];
}

export function createCatalogueSource(db: Database, paths: CataloguePaths): CatalogueSource {
  let signature = '';
  let catalogue: Promise<Catalogue> | null = null;
  const read = async () => {
    const next = await readCatalogue(paths);
    await publishVersions(db, next, next.folders);
    return next;
  };
  const look = async () => {
    const now = await catalogueSignature(paths);
    if (now !== signature || !catalogue) {
      signature = now;
      catalogue = read();
      catalogue.catch(() => {
        signature = '';
      });
    }
    return catalogue;
  };
  let last: Promise<unknown> = Promise.resolve();
  let next: Promise<Catalogue> | null = null;
  return {
    /** As the folders are at the call or later. Looking takes many calls of the file system: who comes while one look is
     * under way shares the one after it with all others who wait. */
    current() {
      next ??= last
        .catch(() => undefined)
        .then(() => {
          const now = look();
          next = null;
          last = now;
          return now;
        });
      return next;
    },
  };
}
