// `aegir person list|add|edit|sign-in-link|delete`: the people of the Organisation, for its administrators.

import { Command, Option } from 'commander';
import type { LinkView, PersonView } from '../../api/contract-people.ts';
import { type Role, roles } from '../../model/access.ts';
import { pathOf } from '../client.ts';
import { type CommonFlags, connect, withCommonFlags } from '../connection.ts';
import type { CliEnvironment } from '../environment.ts';
import { usageError } from '../exit.ts';
import { localTime, note, print, printJson, printTable } from '../output.ts';
import { suggest } from '../suggest.ts';

interface EditFlags extends CommonFlags {
  name?: string;
  email?: string;
  role?: Role;
}

export function personCommand(environment: CliEnvironment): Command {
  return new Command('person')
    .alias('people')
    .description('people who may sign in: list, add, edit, sign-in-link, delete')
    .addCommand(listCommand(environment))
    .addCommand(addCommand(environment))
    .addCommand(editCommand(environment))
    .addCommand(linkCommand(environment))
    .addCommand(deleteCommand(environment));
}

const withRole = (command: Command) => command.addOption(new Option('--role <role>', 'what they may').choices(roles));

function listCommand(environment: CliEnvironment): Command {
  return withCommonFlags(new Command('list').alias('ls').description('list people')).action(
    async (options: CommonFlags) => {
      const people = await loadPeople(environment, options);
      const rows = people.map(({ name, email, role, id, hasPassword, hasSecondFactor, lastSeenAt }) => [
        name,
        email,
        role,
        hasSecondFactor,
        id,
        lastSeenAt || hasPassword ? localTime(lastSeenAt) : 'link not followed yet',
      ]);
      if (options.json) printJson(people);
      else
        printTable(
          environment,
          ['name', 'e-mail', 'role', 'second factor', 'id', 'last seen'],
          rows,
          'There is nobody.',
        );
    },
  );
}

function addCommand(environment: CliEnvironment): Command {
  const command = new Command('add').description('add a person; prints the link by which they sign in, this once');
  return withRole(withCommonFlags(command))
    .argument('<e-mail>', 'their address')
    .requiredOption('--name <name>', 'their name')
    .action(async (email: string, options: EditFlags & { name: string }) => {
      const { name, role = 'viewer' } = options;
      const client = connect(environment, options);
      const added = await client.post<PersonView & LinkView>(pathOf('people'), { name, email, role });
      if (options.json) printJson(added);
      else printLink(added, `${added.name} is ${added.role} here now. Send them this link`);
    });
}

function editCommand(environment: CliEnvironment): Command {
  return withRole(withCommonFlags(new Command('edit').description('change name, address or role of a person')))
    .argument('<person>', 'e-mail or id')
    .option('--name <name>', 'their name')
    .option('--email <e-mail>', 'their address')
    .action(async (word: string, options: EditFlags) => {
      const { name, email, role } = options;
      if (!name && !email && !role) throw usageError('Say what to change: --name, --email or --role.');
      const { id } = await findPerson(environment, options, word);
      const edited = await connect(environment, options).patch<PersonView>(pathOf('people', id), { name, email, role });
      if (options.json) printJson(edited);
      else print(`${edited.name} (${edited.email}) is ${edited.role}.`);
    });
}

function linkCommand(environment: CliEnvironment): Command {
  const description =
    'a new sign-in link for who cannot sign in any more: password, second factor and sessions end, tokens stay';
  return withCommonFlags(new Command('sign-in-link').description(description))
    .argument('<person>', 'e-mail or id')
    .action(async (word: string, options: CommonFlags) => {
      const person = await findPerson(environment, options, word);
      const made = await connect(environment, options).post<LinkView>(pathOf('people', person.id, 'sign-in-links'), {});
      if (options.json) printJson(made);
      else printLink(made, `Send ${person.name} this link`);
    });
}

function deleteCommand(environment: CliEnvironment): Command {
  const description = 'remove a person with their sessions and tokens; what they have done stays in the history';
  return withCommonFlags(new Command('delete').alias('rm').description(description))
    .argument('<person>', 'e-mail or id')
    .action(async (word: string, options: CommonFlags) => {
      const person = await findPerson(environment, options, word);
      await connect(environment, options).delete(pathOf('people', person.id));
      if (options.json) printJson({ deleted: person.id });
      else print(`${person.name} (${person.email}) may not sign in any more.`);
    });
}

/** The link alone on standard output. */
function printLink({ url, expiresAt }: LinkView, words: string): void {
  note(`${words}; it signs in once, until ${localTime(expiresAt)}:`);
  print(url);
}

function loadPeople(environment: CliEnvironment, options: CommonFlags): Promise<PersonView[]> {
  return connect(environment, options).get<PersonView[]>(pathOf('people'));
}

async function findPerson(environment: CliEnvironment, options: CommonFlags, word: string): Promise<PersonView> {
  const people = await loadPeople(environment, options);
  const person = people.find(({ id, email }) => id === word || email === word.toLowerCase());
  if (person) return person;
  const emails = people.map(({ email }) => email);
  throw usageError(`There is nobody with the address or id "${word}".${suggest(word, emails)}`);
}
