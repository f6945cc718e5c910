// A fake API and a sandbox for each test of a file, and nothing left of them.

import { afterEach, beforeEach } from 'vitest';
import { type FakeApi, startFakeApi } from './fake-api.ts';
import { createSandbox, type Sandbox } from './run-cli.ts';

export interface Setting {
  api: FakeApi;
  sandbox: Sandbox;
  /** Runs the program, signed in to the fake API. */
  run: Sandbox['run'];
}

/** The fields are filled before each test. */
export function useFakeApi(): Setting {
  const setting = {} as Setting;
  beforeEach(async () => {
    const api = await startFakeApi();
    const sandbox = createSandbox({ AEGIR_URL: api.url, AEGIR_TOKEN: 'secret-token' });
    Object.assign(setting, { api, sandbox, run: sandbox.run } satisfies Setting);
  });
  afterEach(async () => {
    await setting.api.close();
    setting.sandbox.remove();
  });
  return setting;
}
