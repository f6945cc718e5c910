export * from './entities.ts';
export * from './people.ts';
export * from './runs.ts';
