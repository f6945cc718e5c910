// The catalogue: reads and checks Task types, Operation types and Application types, and packs Task types for keeping.

export { type CataloguePaths, catalogueSignature, type FoundTypes, findTypes } from './find-types.ts';
export { packFolder, unpackFolder } from './pack.ts';
export { type LoadedCatalogue, readCatalogue, readTypes } from './read-catalogue.ts';
