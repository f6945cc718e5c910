export * from './entities.ts';
export * from './keys.ts';
export * from './people.ts';
export * from './runs.ts';
export * from './workers.ts';
