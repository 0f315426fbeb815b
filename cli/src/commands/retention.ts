import type { AccountsClient } from '@img/registry/accounts/accounts-client';
import type { AnswerOf, BodyOf } from '@img/registry/accounts/api-routes';
import type { Command } from 'commander';
import { type AccountsOptions, addRegistryOption, withAccounts } from '../accounts/with-accounts.ts';
import { CliError } from '../cli-error.ts';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { openAccounts } from '../host/open-accounts.ts';
import { typedRepository } from '../host/typed-reference.ts';
import { parseCount, parseDuration } from '../option-values.ts';
import { describePolicy, reportLines } from '../output/retention-lines.ts';
import { bold } from '../output/text.ts';

type Policy = BodyOf<'putRetention'>;
type Report = AnswerOf<'runRetention'>;

type OwnerOptions = AccountsOptions & { readonly organisation?: boolean };

type PolicyOptions = {
  readonly keep?: readonly string[];
  readonly latest?: number;
  readonly pushed?: number;
  readonly pulled?: number;
  readonly untagged?: number;
};

const daySeconds = 86_400;

export function configure(command: Command, context: CommandContext): void {
  command.addHelpText(
    'after',
    `
A tag stays if one of --keep, --latest, --pushed and --pulled keeps it; without any of them, all tags stay.
What loses its tag stays for the time of --untagged, and img tag restore brings it back until then; without
--untagged it stays for ever. An index keeps what it lists, an image what is attached to it.`,
  );
  configureShow(command.command('show'), context);
  configureSet(command.command('set'), context);
  configureRemove(command.command('remove'), context);
  configureRun(command.command('run'), context);
}

function configureShow(command: Command, context: CommandContext): void {
  addOwner(command.description('show what a repository keeps'));
  addExamples(command, 'img retention show com.example.app');
  onRun(command, context, async (session, options: OwnerOptions, name: string) => {
    const { output, signal } = session;
    const found = await withOwner(session, options, name, (accounts, owner) =>
      'organisation' in owner
        ? accounts.call('findOrganisationRetention', owner, undefined, { signal })
        : accounts.call('findRetention', owner, undefined, { signal }),
    );
    output.result(found, () => describePolicy(found.policy));
    if (found.organisation !== undefined && options.organisation !== true) {
      output.story(`as all of ${found.organisation}`);
    }
    output.story(`carried out next at ${found.nextRunAt}`);
  });
}

function configureSet(command: Command, context: CommandContext): void {
  addPolicy(
    addOwner(command.description('say what a repository keeps; from a day later on it is carried out')),
  );
  addExamples(
    command,
    "img retention set com.example.app --keep stable 'v*' --latest 10 --untagged 14d",
    'img retention set --organisation com.example --pulled 90d --untagged 14d',
  );
  onRun(command, context, async (session, options: OwnerOptions & PolicyOptions, name: string) => {
    const { output, signal } = session;
    const policy = typedPolicy(options);
    if (policy === undefined) {
      throw new CliError('USAGE', 'nothing says what is kept', {
        hint: 'give --keep, --latest, --pushed, --pulled or --untagged; img retention remove keeps everything',
      });
    }
    const { nextRunAt, report } = await withOwner(session, options, name, async (accounts, owner) => {
      if ('organisation' in owner) {
        const set = await accounts.call('putOrganisationRetention', owner, policy, { signal });
        return { ...set, report: undefined };
      }
      const tried = await accounts.call('runRetention', owner, { isDryRun: true, policy }, { signal });
      return { ...(await accounts.call('putRetention', owner, policy, { signal })), report: tried };
    });
    output.result({ name, policy, nextRunAt, ...(report === undefined ? {} : { report }) }, () =>
      describePolicy(policy),
    );
    if (report !== undefined) output.story(...reportLines(report, 'would remove now:'));
    output.story(`carried out from ${nextRunAt} on; img retention run does it now`);
  });
}

function configureRemove(command: Command, context: CommandContext): void {
  addOwner(command.description('keep everything again'));
  addExamples(command, 'img retention remove com.example.app');
  onRun(command, context, async (session, options: OwnerOptions, name: string) => {
    const { output, signal } = session;
    await withOwner(session, options, name, (accounts, owner) =>
      'organisation' in owner
        ? accounts.call('deleteOrganisationRetention', owner, undefined, { signal })
        : accounts.call('deleteRetention', owner, undefined, { signal }),
    );
    output.result({ name }, () => [['removed the policy of ', bold(name)]]);
  });
}

function configureRun(command: Command, context: CommandContext): void {
  command
    .description('remove now what a repository does not keep')
    .argument('<repository>', 'such as com.example.app')
    .option('--dry-run', 'only say what would be removed; also by other rules than those that are set');
  addPolicy(command);
  addExamples(
    command,
    'img retention run com.example.app --dry-run',
    'img retention run com.example.app --dry-run --latest 3',
  );
  onRun(command, context, runNow);
}

async function runNow(
  session: Session,
  options: PolicyOptions & { readonly dryRun?: boolean },
  text: string,
): Promise<void> {
  const { config, output, signal } = session;
  const { registry, repository } = typedRepository(text, config).location;
  const isDryRun = options.dryRun === true;
  const policy = typedPolicy(options);
  if (policy !== undefined && !isDryRun) {
    throw new CliError('USAGE', 'rules that are not set are only tried', {
      hint: `add --dry-run, or set them with img retention set ${repository}`,
    });
  }
  await using accounts = openAccounts(session, registry);
  const body = { isDryRun, ...(policy === undefined ? {} : { policy }) };
  const report: Report = await accounts.call('runRetention', { repository }, body, { signal });
  output.result(report, () => reportLines(report, isDryRun ? 'would remove:' : 'removed:'));
}

type Owner = { readonly organisation: string } | { readonly repository: string };

async function withOwner<T>(
  session: Session,
  options: OwnerOptions,
  name: string,
  work: (accounts: AccountsClient, owner: Owner) => Promise<T>,
): Promise<T> {
  if (options.organisation === true) {
    return await withAccounts(session, options, (accounts) => work(accounts, { organisation: name }));
  }
  const { registry, repository } = typedRepository(name, session.config).location;
  if (options.registry !== undefined) {
    throw new CliError('USAGE', 'the name of a repository says its registry', {
      hint: `write ${options.registry}/${repository} instead of --registry`,
    });
  }
  await using accounts = openAccounts(session, registry);
  return await work(accounts, { repository });
}

function addOwner(command: Command): Command {
  return addRegistryOption(
    command
      .argument('<name>', 'of a repository, such as com.example.app')
      .option('--organisation', 'the name is of an organisation, for all of its repositories without rules'),
  );
}

function addPolicy(command: Command): Command {
  return command
    .option('--keep <pattern...>', "tags that stay, such as stable or 'v*'")
    .option('--latest <count>', 'how many of the tags that were pushed last stay', parseCount)
    .option('--pushed <duration>', 'tags stay that long after they were pushed, such as 90d', parseDuration)
    .option('--pulled <duration>', 'tags stay that long after their image was pulled', parseDuration)
    .option('--untagged <duration>', 'what has no tag goes after this time', parseDuration);
}

function typedPolicy({ keep, latest, pushed, pulled, untagged }: PolicyOptions): Policy | undefined {
  const days = (seconds: number) => Math.ceil(seconds / daySeconds);
  const policy: Policy = {
    ...(keep === undefined ? {} : { keep }),
    ...(latest === undefined ? {} : { latest }),
    ...(pushed === undefined ? {} : { pushedDays: days(pushed) }),
    ...(pulled === undefined ? {} : { pulledDays: days(pulled) }),
    ...(untagged === undefined ? {} : { untaggedDays: days(untagged) }),
  };
  return Object.keys(policy).length === 0 ? undefined : policy;
}
