// One round: an Operation, one fault, and a person who decides what is asked. Then everything is looked at.

import { setTimeout as delay } from 'node:timers/promises';
import type { OperationView } from '../../api/contract.ts';
import { isOver } from '../../model/run.ts';
import { type Client, createClient } from './client.ts';
import { strike } from './faults.ts';
import type { Target } from './host.ts';
import { judgeJournal, type Line, parseJournal } from './journal.ts';
import { judgeStates } from './judge-states.ts';
import { findLeft } from './left.ts';
import type { Outcome } from './outcome.ts';
import { type Parts, partNames } from './parts.ts';
import { createPerson, type Person } from './person.ts';
import type { Plan } from './plan.ts';
import { operationType } from './types.ts';

export interface World {
  parts: Parts;
  target: Target;
  /** Id of the Server. */
  server: string;
}

interface Round extends World {
  plan: Plan;
  client: Client;
  person: Person;
  operation: OperationView;
  begun: number;
  fault: Promise<boolean> | null;
  healed: number;
  /** The cancel that the plan has, once it was sent off. */
  cancelled: Promise<unknown> | null;
  hasStopped: boolean;
  hasResumed: boolean;
}

/** Nothing of a round takes as long: three attempts at a host that is away take a minute, a lost worker is noticed after 15 s. */
const patienceMs = 300_000;

export async function runRound(world: World, plan: Plan): Promise<Outcome> {
  await world.parts.ready(60_000);
  const endsBefore = countEnds(world.parts);
  const round = await begin(world, plan);
  while (!(await isSettled(round))) {
    if (Date.now() - round.begun > patienceMs)
      return outcomeOf(round, ['It did not come to an end.', ...describeParts(world.parts)], false);
    stopWhereItIsDue(round);
    strikeWhenItIsDue(round);
    await delay(100);
  }
  const hit = (await round.fault) ?? false;
  await round.cancelled;
  await world.parts.ready(60_000);
  // What was known at the end must still be so.
  round.operation = (await round.client.call<OperationView>('GET', pathOf(round))).body;
  const { operation, person, target } = round;
  const left = await findLeft(target, tasksOf(round));
  const lines = journalOf(round);
  const states = judgeStates({ lines, changes: target.read('changes'), operation, decisions: person.taken });
  const ends = countEnds(world.parts).map((count, at) => (count > (endsBefore[at] ?? 0) ? partNames[at] : ''));
  return {
    ...outcomeOf(round, [...judgeJournal(lines), ...states, ...left], hit),
    ends: ends.filter(Boolean).join(' '),
  };
}

const journalOf = ({ target }: Round) => parseJournal(target.read('journal'));
const tasksOf = ({ operation }: Round) => operation.tasks.map(({ id }) => id);
const pathOf = ({ operation }: Round) => `/api/operations/${operation.id}`;
const countEnds = (parts: Parts) => partNames.map(name => parts[name].ends());
const describeParts = (parts: Parts) =>
  partNames.filter(name => !parts[name].isUp()).map(name => `Away: ${name}: ${parts[name].problem()}`);

async function begin(world: World, plan: Plan): Promise<Round> {
  const { target, parts } = world;
  for (const name of ['journal', 'changes', 'broken']) target.write(name, '');
  const slow = Object.entries(plan.ticks).map(([step, ticks]) => `${step} ${ticks}\n`);
  target.write('slow', slow.join(''));
  if (plan.stopsByFailure) target.write('broken', `${plan.stopStep}\n`);
  const client = createClient(parts);
  const begun = Date.now();
  const { status, body } = await client.call<OperationView>(
    'POST',
    `/api/servers/${world.server}/operations`,
    { type: operationType, input: {} },
    { 'idempotency-key': `${plan.seed}-${plan.number}-${begun}` },
  );
  if (status !== 201) throw new Error(`It was not started: ${JSON.stringify(body)}`);
  const person = createPerson(plan, client);
  const nothingYet = { fault: null, healed: 0, cancelled: null, hasStopped: false, hasResumed: false };
  return { ...world, plan, client, person, operation: body, begun, ...nothingYet };
}

/** Looks at it and answers what it asks. True when it is over, for good. */
async function isSettled(round: Round): Promise<boolean> {
  round.operation = (await round.client.glance<OperationView>(pathOf(round))) ?? round.operation;
  await round.person.answer(round.operation);
  if (!isOver(round.operation.state)) return false;
  if (round.plan.scenario !== 'resume' || round.hasResumed) return true;
  const answer = await round.client.call('POST', `${pathOf(round)}/resume`, { inputs: {} });
  if (answer.status !== 202) throw new Error(`It could not be resumed: ${JSON.stringify(answer.body)}`);
  round.hasResumed = true;
  return false;
}

function hasBegun(round: Round, verb: Line['verb'], step: string): boolean {
  return journalOf(round).some(line => line.kind === 'begin' && line.verb === verb && line.step === step);
}

function cancel({ client, plan, ...round }: Round): Promise<unknown> {
  return client.call('POST', `/api/operations/${round.operation.id}/cancel?choice=${plan.cancelChoice}`);
}

/** Before an undo and a resume. A step that fails stops it by itself. */
function stopWhereItIsDue(round: Round): void {
  const { stopStep, stopsByFailure } = round.plan;
  if (round.hasStopped || !stopStep || !hasBegun(round, 'do', stopStep)) return;
  round.hasStopped = true;
  if (!stopsByFailure) round.cancelled = cancel(round);
}

function strikeWhenItIsDue(round: Round): void {
  const { plan } = round;
  const verb = plan.scenario === 'undo' ? 'undo' : 'do';
  const isReady = plan.scenario !== 'resume' || round.hasResumed;
  if (round.fault || !isReady || !hasBegun(round, verb, plan.faultStep)) return;
  const scene = { ...round, tasks: () => tasksOf(round) };
  round.fault = delay(plan.faultDelayMs)
    .then(() => strike(plan.fault, scene, plan.downMs))
    .finally(() => {
      round.healed = Date.now();
    });
  // It is waited for at the end.
  round.fault.catch(() => undefined);
  if (plan.scenario === 'cancel')
    round.cancelled = delay(Math.max(0, plan.faultDelayMs + plan.cancelDelayMs)).then(() => cancel(round));
  round.cancelled?.catch(() => undefined);
}

function outcomeOf(round: Round, violations: string[], hit: boolean): Outcome {
  const { plan, operation, person, begun, healed } = round;
  const ended = operation.endedAt ? Date.parse(operation.endedAt) : Date.now();
  return {
    ...{ plan, operation, violations, hit, ends: '', lines: journalOf(round) },
    parks: person.parks(),
    decisions: person.taken,
    seconds: (Date.now() - begun) / 1000,
    secondsAfter: healed ? Math.max(0, (ended - healed) / 1000) : 0,
  };
}
