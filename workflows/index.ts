// The bundle of the worker: every Operation type is the workflow type of its own name, carried out by one interpreter.

export { runOperation as default } from './run-operation.ts';
