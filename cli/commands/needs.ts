// `aegir needs`: everything that waits for a person, each with its next step.

import { Command } from 'commander';
import { type Need, type NeedTopic, needTopics, topicTitles } from '../../model/need.ts';
import { pathOf } from '../client.ts';
import { type CommonFlags, connect, withCommonFlags } from '../connection.ts';
import type { CliEnvironment } from '../environment.ts';
import { print, printJson } from '../output.ts';

interface Answer {
  items: Need[];
  totals: Partial<Record<NeedTopic, number>>;
}

export function needsCommand(environment: CliEnvironment): Command {
  const command = withCommonFlags(
    new Command('needs').description('everything that waits for a person, with the next step'),
  );
  return command.action(async (options: CommonFlags) => {
    const answer = await connect(environment, options).get<Answer>(pathOf('needs'));
    if (options.json) return printJson(answer);
    if (answer.items.length === 0) print('Nothing needs anybody.');
    for (const topic of needTopics.filter(each => answer.totals[each])) {
      print(`${topicTitles[topic]} (${answer.totals[topic]})`);
      for (const { subject, words, next, seen } of answer.items.filter(item => item.topic === topic))
        print(`  ${subject.name}${seen ? ` (${seen})` : ''}: ${words} → ${next.words}`);
    }
  });
}
