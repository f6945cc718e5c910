// Builds an object with optional properties from values that may be undefined: such a property is then absent.

type WithUndefined<T> = { [K in keyof T]: T[K] | undefined };

/** The cast is right when the required properties of T are defined, which the caller sees to. */
export function definedOnly<T extends object>(values: WithUndefined<Required<T>> | WithUndefined<T>): T {
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)) as T;
}
