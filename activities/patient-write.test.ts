import { expect, test } from 'vitest';
import { createPatientWrite } from './patient-write.ts';

const withCode = (code: string) => Object.assign(new Error('from the database'), { code });

test('a database that is away is asked again until it answers', async () => {
  const causes = [withCode('ECONNREFUSED'), withCode('57P01'), new Error('Connection terminated unexpectedly')];
  const asked: string[] = [];
  const write = createPatientWrite(async (text: string) => {
    asked.push(text);
    const cause = causes.shift();
    if (cause) throw new Error('Failed query', { cause });
  });
  await write('lines');
  expect(asked).toEqual(['lines', 'lines', 'lines', 'lines']);
});

test('what a database refuses for good fails at once', async () => {
  let asked = 0;
  const write = createPatientWrite(async () => {
    asked += 1;
    throw new Error('Failed query', { cause: withCode('22021') });
  });
  await expect(write('lines')).rejects.toThrow('Failed query');
  expect(asked).toBe(1);
});
