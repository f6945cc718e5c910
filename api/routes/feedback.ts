// What a run says while it runs: log lines, progress, outputs, fields of the entities that its Operation may touch. Its
// token is the only key, and is refused as soon as the attempt has ended.

import { z } from '@hono/zod-openapi';
import type { Context } from 'hono';
import { readTaskTypeVersion } from '../../catalogue/versions.ts';
import { type EntityKind, entities, entityKinds } from '../../model/entities.ts';
import { AppError, invalid } from '../../model/errors.ts';
import { isSecretReference } from '../../model/fields.ts';
import { cleanLine, inPieces } from '../../model/log-lines.ts';
import { type RunnableStep, runnablesOf } from '../../model/plan.ts';
import { updateEntity } from '../../model/store/entities.ts';
import { listFieldDefinitions } from '../../model/store/field-definitions.ts';
import { appendLog } from '../../model/store/logs.ts';
import { openedArguments } from '../../model/store/opened-arguments.ts';
import { loadRoot } from '../../model/store/roots.ts';
import { addFeedbackOutputs, findFeedback, setProgress } from '../../model/store/tasks.ts';
import { validateFields } from '../../model/validate.ts';
import { createMask, type Mask, maskValue } from '../../secrets/mask.ts';
import { hashToken } from '../../secrets/token.ts';
import { type App, defineRoute } from '../define-route.ts';
import type { ApiDependencies } from '../dependencies.ts';
import { NotSignedIn } from '../problem.ts';

export type Feedback = NonNullable<Awaited<ReturnType<typeof findFeedback>>> & { token: string };
const record = z.record(z.string(), z.unknown());

export function addFeedbackRoutes(app: App, deps: ApiDependencies): void {
  const masks = createMasks(deps);
  const path = '/api/feedback/{task}';
  const post = { method: 'post', access: 'run token', status: 204 } as const;

  const log = {
    ...post,
    path: `${path}/log`,
    summary: 'Adds lines to the log',
    body: z.object({ lines: z.array(z.string()).max(100_000) }),
  };
  defineRoute(app, deps, log, async ({ params, body, c }) => {
    const feedback = await identify(deps, c, params.task);
    // What comes by the worker is limited there, with a notice; this is for whoever posts past it.
    if (feedback.attempt.bytes > deps.logLimitBytes) return;
    const mask = await masks.of(feedback);
    const lines = body.lines.flatMap(line => cleanLine(mask(line)));
    const to = {
      root: feedback.task.root,
      attemptId: feedback.attempt.id,
      organisation: feedback.operation.organisation,
    };
    await appendLog(
      deps.db,
      to,
      [...inPieces(lines)].map(part => ({ lines: part, marks: [] })),
    );
  });

  const progress = {
    ...post,
    path: `${path}/progress`,
    summary: 'How far it is',
    body: z.object({ percent: z.number().min(0).max(100), label: z.string().max(200).default('') }),
  };
  defineRoute(app, deps, progress, async ({ params, body, c }) => {
    const feedback = await identify(deps, c, params.task);
    const mask = await masks.of(feedback);
    await setProgress(deps.db, feedback.task.id, { percent: body.percent, label: mask(body.label) });
  });

  const outputs = {
    ...post,
    path: `${path}/outputs`,
    summary: 'Outputs, beside those that the backend reports',
    body: record,
  };
  defineRoute(app, deps, outputs, async ({ params, body, c }) => {
    const feedback = await identify(deps, c, params.task);
    const declared = stepOf(feedback).outputs;
    const { values, problems } = validateFields(
      declared.map(({ name, type }) => ({ name, type })),
      body,
      { partial: true },
    );
    if (problems.length > 0) throw invalid(problems, 'Outputs that cannot be taken.');
    const mask = await masks.of(feedback);
    await addFeedbackOutputs(deps.db, feedback.task.id, maskValue(mask, values) as typeof values);
  });

  const fields = {
    ...post,
    path: `${path}/fields`,
    summary: 'New values of custom fields',
    body: z.object({ kind: z.enum(entityKinds), id: z.string(), fields: record }),
  };
  defineRoute(app, deps, fields, async ({ params, body, c }) => {
    const feedback = await identify(deps, c, params.task);
    await setFields(deps, feedback, body, await masks.of(feedback));
  });
}

export async function identify(deps: ApiDependencies, c: Context, task: string | undefined): Promise<Feedback> {
  const token = tokenIn(c.req.header('authorization') ?? '');
  const found = token ? await findFeedback(deps.db, task ?? '', hashToken(token)) : null;
  if (!found) throw new NotSignedIn('This token is not one of a running Task: it is wrong, or the Task has ended.');
  return { ...found, token };
}

/** As such, or as the password of `aegir`, as restic knows nothing else. */
function tokenIn(authorization: string): string {
  const [scheme, given = ''] = authorization.split(' ');
  if (scheme === 'Bearer') return given;
  const [, password = ''] = /^aegir:(.*)$/.exec(Buffer.from(given, 'base64').toString()) ?? [];
  return scheme === 'Basic' ? password : '';
}

/** Also one that takes another one back. */
export function stepOf({ operation, task }: Feedback): RunnableStep {
  for (const step of operation.plan ? runnablesOf(operation.plan) : []) if (step.taskId === task.id) return step;
  throw new AppError('internal', 'The plan does not have this Task.');
}

async function setFields(
  deps: ApiDependencies,
  feedback: Feedback,
  body: { kind: EntityKind; id: string; fields: Record<string, unknown> },
  mask: Mask,
) {
  const { kind, id, fields } = body;
  if (stepOf(feedback).roots[kind] !== id) {
    throw new AppError('forbidden', `This Operation may not touch the ${entities[kind].title} ${id}.`);
  }
  const custom = await listFieldDefinitions(deps.db, kind);
  const { values, problems } = validateFields(custom, fields, { path: 'fields', partial: true });
  if (problems.length > 0) throw invalid(problems, 'Fields that cannot be set.');
  const { organisation, startedBy, title } = feedback.operation;
  const isSecret = new Set(custom.filter(({ secret }) => secret).map(({ name }) => name));
  const shown = Object.entries(values).map(([name, value]) => [
    name,
    isSecret.has(name) ? value : maskValue(mask, value),
  ]);
  const kept = await deps.vault.putFields(deps.db, organisation, custom, Object.fromEntries(shown));
  await updateEntity(deps.db, { name: `${startedBy} (${title})`, organisation }, kind, id, { custom: kept });
}

/** Lines from a target may show what its role was given: masks are made once per attempt. */
function createMasks(deps: ApiDependencies) {
  const cache = new Map<string, Promise<Mask>>();
  // Runs at once on one API; the oldest go first.
  const most = 200;
  const make = async (feedback: Feedback) => {
    const { inputs, roots, version } = stepOf(feedback);
    const ids = Object.values(inputs).flatMap(input => (input.from === 'secret' ? [input.id] : []));
    const { arguments: specs } = await readTaskTypeVersion(deps.db, version);
    const opened = Object.values(await openedArguments(deps.db, specs, inputs)).flatMap(Object.values);
    ids.push(...opened.flatMap(value => (isSecretReference(value) ? [value.$secret] : [])));
    for (const [kind, id] of Object.entries(roots)) {
      // A role has the custom fields of all roots.
      const { fields } = await loadRoot(deps.db, kind as EntityKind, id);
      ids.push(...Object.values(fields).flatMap(value => (isSecretReference(value) ? [value.$secret] : [])));
    }
    const values = await Promise.all(ids.map(id => deps.vault.open(deps.db, id)));
    return createMask([feedback.token, ...values]);
  };
  return {
    of(feedback: Feedback): Promise<Mask> {
      const { id } = feedback.attempt;
      const known = cache.get(id) ?? make(feedback);
      cache.set(id, known);
      if (cache.size > most) cache.delete(cache.keys().next().value ?? '');
      return known;
    },
  };
}
