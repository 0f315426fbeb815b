import { roles } from '@img/registry/accounts/account-names';
import { type Command, Option } from 'commander';
import { configureRules } from '../accounts/rule-commands.ts';
import { type AccountsOptions, addRegistryOption, callAccounts } from '../accounts/with-accounts.ts';
import { addExamples, type CommandContext, onRun } from '../command.ts';
import { showList } from '../output/show-list.ts';
import { bold } from '../output/text.ts';

const organisationHelp = 'the beginning of the names of its repositories, such as com.example';

type MemberOptions = AccountsOptions & { readonly role: (typeof roles)[number] };

export function configure(command: Command, context: CommandContext): void {
  command.addHelpText(
    'after',
    '\nAn organisation owns the repositories whose names begin with its name: com.example owns com.example.app.\n' +
      'If two do, the longer name counts. Members with the role read pull, with write they push, and with admin\n' +
      'they delete, make repositories public, and say who else is a member.',
  );
  configureList(command.command('list'), context);
  configureAdd(command.command('add'), context);
  configureRemove(command.command('remove'), context);
  configureMembers(command.command('members'), context);
  configureAddMember(command.command('add-member'), context);
  configureRemoveMember(command.command('remove-member'), context);
  configureRules(command.command('rule'), context, 'organisation');
}

function configureList(command: Command, context: CommandContext): void {
  addRegistryOption(command.description('list the organisations that you belong to; all for administrators'));
  addExamples(command, 'img org list');
  onRun(command, context, async (session, options: AccountsOptions) => {
    const { output } = session;
    const organisations = await callAccounts(session, options, 'listOrganisations', {}, undefined);
    showList(output, organisations, {
      columns: [{ title: 'name' }, { title: 'you may' }],
      row: ({ name, role }) => [bold(name), role],
      empty: 'you belong to no organisation',
    });
  });
}

function configureAdd(command: Command, context: CommandContext): void {
  addRegistryOption(command.description('make an organisation').argument('<organisation>', organisationHelp));
  addExamples(command, 'img org add com.example');
  onRun(command, context, async (session, options: AccountsOptions, name: string) => {
    const { output } = session;
    await callAccounts(session, options, 'createOrganisation', {}, { name });
    output.result({ name }, () => [['made ', bold(name)]]);
    output.story(`let somebody in with img org add-member ${name} USER --role write`);
  });
}

function configureRemove(command: Command, context: CommandContext): void {
  addRegistryOption(
    command
      .description('remove an organisation; its repositories and its rule stay')
      .argument('<organisation>'),
  );
  addExamples(command, 'img org remove com.example');
  onRun(command, context, async (session, options: AccountsOptions, organisation: string) => {
    await callAccounts(session, options, 'deleteOrganisation', { organisation }, undefined);
    session.output.result({ removed: organisation }, () => [['removed ', bold(organisation)]]);
  });
}

function configureMembers(command: Command, context: CommandContext): void {
  addRegistryOption(command.description('list who belongs to an organisation').argument('<organisation>'));
  addExamples(command, 'img org members com.example');
  onRun(command, context, async (session, options: AccountsOptions, organisation: string) => {
    const { output } = session;
    const members = await callAccounts(session, options, 'listMembers', { organisation }, undefined);
    showList(output, members, {
      columns: [{ title: 'user' }, { title: 'may' }],
      row: ({ user, role }) => [bold(user), role],
      empty: `${organisation} has no members`,
    });
  });
}

function configureAddMember(command: Command, context: CommandContext): void {
  addRegistryOption(
    command
      .description('make a user a member, or change the role')
      .argument('<organisation>')
      .argument('<user>')
      .addOption(new Option('--role <role>', 'what the user may do').choices(roles).default('read')),
  );
  addExamples(command, 'img org add-member com.example alice --role write');
  onRun(command, context, async (session, options: MemberOptions, organisation: string, user: string) => {
    const { role } = options;
    await callAccounts(session, options, 'putMember', { organisation, user }, { role });
    session.output.result({ organisation, user, role }, () => [
      [bold(user), ` may ${role} in ${organisation}`],
    ]);
  });
}

function configureRemoveMember(command: Command, context: CommandContext): void {
  addRegistryOption(
    command.description('take a user out of an organisation').argument('<organisation>').argument('<user>'),
  );
  addExamples(command, 'img org remove-member com.example alice');
  onRun(command, context, async (session, options: AccountsOptions, organisation: string, user: string) => {
    await callAccounts(session, options, 'deleteMember', { organisation, user }, undefined);
    session.output.result({ removed: user, organisation }, () => [
      ['removed ', bold(user), ` from ${organisation}`],
    ]);
  });
}
