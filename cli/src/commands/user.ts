import type { AnswerOf } from '@img/registry/accounts/api-routes';
import type { Command } from 'commander';
import { type AccountsOptions, addRegistryOption, callAccounts } from '../accounts/with-accounts.ts';
import { CliError } from '../cli-error.ts';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { showList } from '../output/show-list.ts';
import { bold } from '../output/text.ts';
import { readStdinText } from '../terminal/stdin-text.ts';
import { TerminalPrompt } from '../terminal/terminal-prompt.ts';

type PasswordOptions = AccountsOptions & { readonly passwordStdin?: boolean };

export function configure(command: Command, context: CommandContext): void {
  configureShow(command.command('show'), context);
  configureList(command.command('list'), context);
  configureAdd(command.command('add'), context);
  configurePassword(command.command('password'), context);
  configureRemove(command.command('remove'), context);
}

function configureShow(command: Command, context: CommandContext): void {
  addRegistryOption(command.description('show who you are in a registry, and where you belong'));
  addExamples(command, 'img user show');
  onRun(command, context, async (session, options: AccountsOptions) => {
    const account = await callAccounts(session, options, 'account', {}, undefined);
    session.output.result(account, () => [
      [bold(account.name), account.isAdministrator ? '  may do everything' : ''],
      ...account.organisations.map(({ name, role }) => `${name}  ${role}`),
    ]);
  });
}

function configureList(command: Command, context: CommandContext): void {
  addRegistryOption(command.description('list the users of a registry'));
  addExamples(command, 'img user list');
  onRun(command, context, async (session, options: AccountsOptions) => {
    const users = await callAccounts(session, options, 'listUsers', {}, undefined);
    showList(session.output, users, {
      columns: [{ title: 'name' }, { title: 'may' }, { title: 'since' }],
      row: ({ name, isAdministrator, createdAt }) => [
        bold(name),
        isAdministrator ? 'everything' : '',
        createdAt.slice(0, 10),
      ],
    });
  });
}

function configureAdd(command: Command, context: CommandContext): void {
  addRegistryOption(command.description('make a user').argument('<name>', 'such as alice'))
    .option('--admin', 'who may do everything')
    .option('--password-stdin', 'read the password from stdin instead of making one up');
  addExamples(command, 'img user add alice');
  onRun(
    command,
    context,
    async (session, options: PasswordOptions & { readonly admin?: boolean }, name: string) => {
      const body = { name, isAdministrator: options.admin === true, ...(await readPassword(options)) };
      const made = await callAccounts(session, options, 'createUser', {}, body);
      showPassword(session, made);
    },
  );
}

function configurePassword(command: Command, context: CommandContext): void {
  addRegistryOption(
    command
      .description('give a user, or yourself, another password')
      .argument('[name]', 'a user, if you are an administrator; you if not given'),
  ).option(
    '--password-stdin',
    'read the password from stdin; for your own, a line with the current one first',
  );
  addExamples(command, 'img user password', 'img user password alice');
  onRun(command, context, async (session, options: PasswordOptions, name: string | undefined) => {
    if (name === undefined) await changeOwn(session, options);
    else await resetPassword(session, options, name);
  });
}

async function resetPassword(session: Session, options: PasswordOptions, user: string): Promise<void> {
  const body = await readPassword(options);
  const made = await callAccounts(session, options, 'resetPassword', { user }, body);
  showPassword(session, made);
}

async function changeOwn(session: Session, options: PasswordOptions): Promise<void> {
  const { output } = session;
  const body = options.passwordStdin === true ? await readTwoLines() : await askTwice(session);
  const made = await callAccounts(session, options, 'changePassword', {}, body);
  output.result(made, () => [['changed the password of ', bold(made.name)]]);
  output.story('log in again with img login');
}

type OwnChange = { readonly currentPassword: string; readonly password: string };

async function readTwoLines(): Promise<OwnChange> {
  const [currentPassword = '', password = ''] = (await readStdinText('passwords')).split(/\r?\n/);
  return { currentPassword, password };
}

async function askTwice({ signal }: Session): Promise<OwnChange> {
  using prompt = TerminalPrompt.open();
  if (prompt === undefined) {
    throw new CliError('PASSPHRASE_MISSING', 'there is no terminal to ask for passwords on', {
      hint: 'give --password-stdin, with the current password in the first line and the new one in the second',
    });
  }
  const currentPassword = await prompt.askSecret('Current password: ', { signal });
  const password = await prompt.askSecret('New password: ', { signal });
  if ((await prompt.askSecret('The same again: ', { signal })) === password)
    return { currentPassword, password };
  throw new CliError('USAGE', 'the two passwords differ', { hint: 'run the command again' });
}

function configureRemove(command: Command, context: CommandContext): void {
  addRegistryOption(command.description('remove a user; what it pushed stays').argument('<name>'));
  addExamples(command, 'img user remove alice');
  onRun(command, context, async (session, options: AccountsOptions, user: string) => {
    await callAccounts(session, options, 'deleteUser', { user }, undefined);
    session.output.result({ removed: user }, () => [['removed ', bold(user)]]);
  });
}

async function readPassword({ passwordStdin }: PasswordOptions): Promise<{ readonly password?: string }> {
  return passwordStdin === true ? { password: await readStdinText('password') } : {};
}

function showPassword({ output }: Session, made: AnswerOf<'createUser'>): void {
  const { name, newPassword } = made;
  output.result(made, () => [
    newPassword === undefined ? [bold(name)] : [`password of ${name}, shown only now: `, bold(newPassword)],
  ]);
}
