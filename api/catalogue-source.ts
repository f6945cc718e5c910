// The catalogue as the folders have it now: read again when something in them has changed, its versions kept.

import { catalogueSignature, readCatalogue } from '../catalogue/index.ts';
import { publishVersions } from '../catalogue/versions.ts';
import type { Catalogue } from '../model/catalogue.ts';
import type { Database } from '../model/store/database.ts';

export interface CataloguePaths {
  roles: string[];
  operations: string[];
  applications: string[];
}

export interface CatalogueSource {
  current(): Promise<Catalogue>;
}

export function createCatalogueSource(db: Database, paths: CataloguePaths): CatalogueSource {
  let signature = '';
  let catalogue: Promise<Catalogue> | null = null;
  const read = async () => {
    const next = await readCatalogue(paths);
    await publishVersions(db, next, next.folders);
    return next;
  };
  return {
    async current() {
      const now = await catalogueSignature(paths);
      if (now !== signature || !catalogue) {
        signature = now;
        catalogue = read();
        catalogue.catch(() => {
          signature = '';
        });
      }
      return catalogue;
    },
  };
}
