// Who decides what an Operation asks, as somebody would who knows what each step is; drawn before the round.

import type { AttentionView, OperationView } from '../../api/contract.ts';
import type { Choice } from '../../model/attention.ts';
import type { Client } from './client.ts';
import type { Plan } from './plan.ts';

export interface Person {
  /** `step: retry` */
  taken: string[];
  /** How often it has asked. */
  parks(): number;
  answer(operation: OperationView): Promise<void>;
}

export function createPerson(plan: Plan, client: Client): Person {
  const dice = [...plan.dice];
  const asked = new Set<string>();
  const taken: string[] = [];
  const choose = ({ about, choices, failed }: AttentionView, { tasks }: OperationView): Choice => {
    const die = dice.shift() ?? 0;
    const pick = (wanted: Choice[]): Choice => {
      const possible = wanted.filter(choice => choices.includes(choice));
      return possible[Math.floor(die * possible.length)] ?? 'leave';
    };
    if (about === 'cancel') return pick(['undo', 'leave']);
    if (about === 'undo') return 'retry';
    const own = tasks.filter(task => failed.some(({ id }) => id === task.id));
    if (plan.stopsByFailure && own.some(({ step }) => step === plan.stopStep)) return pick(['undo']);
    if (own.some(({ type }) => type.endsWith('_once'))) return pick(['skip', 'undo', 'leave']);
    return die < 0.75 ? 'retry' : pick(['undo', 'leave']);
  };
  return {
    taken,
    parks: () => asked.size,
    async answer(operation) {
      for (const attention of operation.attentions.filter(({ isDecided }) => !isDecided)) {
        asked.add(`${attention.operation} ${attention.id}`);
        const choice = choose(attention, operation);
        const body = { attention: attention.id, choice, inputs: {} };
        const answer = await client.call('POST', `/api/operations/${attention.operation}/decisions`, body);
        if (answer.status === 202) taken.push(`${attention.about}: ${choice}`);
        // 409: it is over, or the first try was taken and its answer lost.
        else if (answer.status !== 409) throw new Error(JSON.stringify(answer.body));
      }
    },
  };
}
