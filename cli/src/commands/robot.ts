import { mostRobotDays, usualRobotDays } from '@img/registry/accounts/api-schemas';
import { type Command, Option } from 'commander';
import { type AccountsOptions, addRegistryOption, callAccounts } from '../accounts/with-accounts.ts';
import { CliError } from '../cli-error.ts';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { parseDuration } from '../option-values.ts';
import { showList } from '../output/show-list.ts';
import { bold } from '../output/text.ts';

const daySeconds = 86_400;

type AddOptions = AccountsOptions & { readonly role: 'read' | 'write'; readonly expires: number };

export function configure(command: Command, context: CommandContext): void {
  command.addHelpText(
    'after',
    '\nA robot logs in with ORGANISATION+NAME and its token, for example with img login -u com.example+ci.',
  );
  configureList(command.command('list'), context);
  configureAdd(command.command('add'), context);
  configureRemove(command.command('remove'), context);
}

function configureList(command: Command, context: CommandContext): void {
  addRegistryOption(command.description('list the robots of an organisation').argument('<organisation>'));
  addExamples(command, 'img robot list com.example');
  onRun(command, context, async (session, options: AccountsOptions, organisation: string) => {
    const { output } = session;
    const robots = await callAccounts(session, options, 'listRobots', { organisation }, undefined);
    showList(output, robots, {
      columns: [{ title: 'logs in as' }, { title: 'may' }, { title: 'until' }, { title: 'made by' }],
      row: ({ logIn, role, expiresAt, isExpired, createdBy }) => [
        bold(logIn),
        role,
        isExpired ? 'expired' : expiresAt.slice(0, 10),
        createdBy,
      ],
      empty: `${organisation} has no robots`,
    });
  });
}

function configureAdd(command: Command, context: CommandContext): void {
  addRegistryOption(
    command
      .description('make a robot, or give the one with the name another token')
      .argument('<organisation>')
      .argument('<name>', 'such as ci')
      .addOption(new Option('--role <role>', 'what it may do').choices(['read', 'write']).default('read'))
      .addOption(
        new Option('--expires <duration>', 'how long its token is good for, up to a year')
          .argParser(parseDuration)
          .default(usualRobotDays * daySeconds, `${usualRobotDays}d`),
      ),
  );
  addExamples(command, 'img robot add com.example ci --role write --expires 30d');
  onRun(command, context, addRobot);
}

async function addRobot(
  session: Session,
  options: AddOptions,
  organisation: string,
  name: string,
): Promise<void> {
  const { output } = session;
  const days = Math.ceil(options.expires / daySeconds);
  if (days > mostRobotDays) {
    throw new CliError('USAGE', `a token is good for ${mostRobotDays} days at most, not ${days}`, {
      hint: 'give it another one in time, with the same command',
    });
  }
  const made = await callAccounts(
    session,
    options,
    'createRobot',
    { organisation },
    { name, role: options.role, days },
  );
  output.result(made, () => [[`token of ${made.logIn}, shown only now: `, bold(made.token)]]);
  output.story(
    `good until ${made.expiresAt.slice(0, 10)}; it logs in with img login -u ${made.logIn} --password-stdin`,
  );
}

function configureRemove(command: Command, context: CommandContext): void {
  addRegistryOption(command.description('remove a robot').argument('<organisation>').argument('<name>'));
  addExamples(command, 'img robot remove com.example ci');
  onRun(command, context, async (session, options: AccountsOptions, organisation: string, robot: string) => {
    await callAccounts(session, options, 'deleteRobot', { organisation, robot }, undefined);
    session.output.result({ removed: robot, organisation }, () => [
      ['removed ', bold(`${organisation}+${robot}`)],
    ]);
  });
}
