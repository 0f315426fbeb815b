import type { AnswerOf } from '@img/registry/accounts/api-routes';
import { isDigest } from '@img/spec/digest';
import { type Command, InvalidArgumentError } from 'commander';
import { typedTag } from '../accounts/typed-tag.ts';
import { CliError } from '../cli-error.ts';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { openAccounts } from '../host/open-accounts.ts';
import { shortName } from '../host/short-name.ts';
import { parseMoment } from '../option-values.ts';
import { tableLines } from '../output/table.ts';
import { bold } from '../output/text.ts';

type Move = AnswerOf<'listTagHistory'>[number];
type RestoreOptions = { readonly digest?: string; readonly at?: Date };

export function configureHistory(command: Command, context: CommandContext): void {
  command
    .description('list what a tag of a registry pointed at, who moved it, and when')
    .argument('<image>', 'with its tag');
  addExamples(command, 'img tag history com.example.app:stable');
  onRun(command, context, async (session, _: object, text: string) => {
    const { config, output, signal } = session;
    const { registry, repository, tag } = typedTag(text, config);
    await using accounts = openAccounts(session, registry);
    const moves = await accounts.call('listTagHistory', { repository, tag }, undefined, { signal });
    output.result(moves, () =>
      tableLines(
        [{ title: 'when' }, { title: 'who' }, { title: 'image' }],
        moves.map(({ at, actor, digest, isStored }) => [
          at.slice(0, 19).replace('T', ' '),
          actor,
          digest === undefined ? 'removed' : `${digest}${isStored ? '' : ' (not stored any more)'}`,
        ]),
      ),
    );
  });
}

export function configureRestore(command: Command, context: CommandContext): void {
  command
    .description('point a tag of a registry at what it pointed at before, also if it was removed')
    .argument('<image>', 'with its tag')
    .option('--at <time>', 'what it was at a time, such as 2d ago or 2026-01-31T12:00:00Z', (text) =>
      parseMoment(text.replace(/ +ago$/, ''), new Date()),
    )
    .option('--digest <digest>', 'what it was, as img tag history shows it', parseDigestOption);
  addExamples(
    command,
    'img tag restore com.example.app:stable',
    'img tag restore com.example.app:stable --at 2d',
  );
  onRun(command, context, restore);
}

async function restore(session: Session, options: RestoreOptions, text: string): Promise<void> {
  const { config, output, signal } = session;
  const location = typedTag(text, config);
  const { registry, repository, tag } = location;
  await using accounts = openAccounts(session, registry);
  const moves = await accounts.call('listTagHistory', { repository, tag }, undefined, { signal });
  const current = moves[0]?.digest ?? '';
  const { digest } = wantedMove(text, moves, options);
  const body = { digest, current };
  if (digest !== current) await accounts.call('putTag', { repository, tag }, body, { signal });
  const reference = shortName(location, config);
  output.result({ reference, digest }, () => [[bold(reference), `  ${digest}`]]);
}

/** @throws CliError TAG_UNKNOWN */
function wantedMove(
  text: string,
  moves: readonly Move[],
  { at, digest }: RestoreOptions,
): Move & { readonly digest: string } {
  const [last] = moves;
  const found = moves.find((move) => {
    if (digest !== undefined) return move.digest === digest;
    if (at !== undefined) return Date.parse(move.at) <= at.getTime();
    return move.digest !== undefined && move.digest !== last?.digest;
  });
  if (found?.digest === undefined) {
    const when = digest ?? (at === undefined ? 'anything else before' : `anything at ${at.toISOString()}`);
    throw new CliError('TAG_UNKNOWN', `${text} did not point at ${when}`, {
      hint: `img tag history ${text} lists what it pointed at`,
    });
  }
  if (!found.isStored) {
    throw new CliError(
      'TAG_UNKNOWN',
      `the registry has no ${found.digest} any more, which ${text} pointed at`,
      {
        hint: `img tag history ${text} lists what is still there`,
      },
    );
  }
  return { ...found, digest: found.digest };
}

function parseDigestOption(text: string): string {
  if (isDigest(text)) return text;
  throw new InvalidArgumentError('It should be a digest, such as sha256:<64 digits>.');
}
