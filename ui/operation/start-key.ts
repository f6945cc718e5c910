// The same key for the same request, so that a double click or a second try starts one run.

import { randomKey } from '../api/client.ts';

export function useStartKey(): (body: string) => string {
  let key = randomKey();
  let last = '';
  return body => {
    if (body !== last) key = randomKey();
    last = body;
    return key;
  };
}
