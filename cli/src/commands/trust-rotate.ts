import { isFingerprint, type PublicKey } from '@img/sign/public-key';
import type { TrustRoot } from '@img/sign/trust-root';
import { unixTime, unixTimeOf } from '@img/sign/unix-time';
import type { Command } from 'commander';
import { CliError } from '../cli-error.ts';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { findPublicKey } from '../keys/find-public-key.ts';
import { parseCount, parseDuration } from '../option-values.ts';
import { rootDocument, rootLines } from '../trust/describe-root.ts';
import { changeRootFile } from '../trust/root-file.ts';

type RotateOptions = {
  readonly add?: readonly string[];
  readonly remove?: readonly string[];
  readonly require?: number;
  readonly expires?: number;
};

export function configure(command: Command, context: CommandContext): void {
  command
    .description('change the root keys of a trust root, how many must sign, or when it expires')
    .argument('<file>', 'of the trust root')
    .option('--add <key...>', 'public keys that sign from the next version on')
    .option('--remove <key...>', 'public keys, or their fingerprints, that no longer do')
    .option('--require <count>', 'how many must sign', parseCount)
    .option('--expires <time>', 'from now, such as 1y', parseDuration);
  addExamples(command, 'img trust rotate root.json --add dave.pub --remove alice.pub --expires 1y');
  onRun(command, context, rotate);
}

async function rotate(session: Session, options: RotateOptions, path: string): Promise<void> {
  const { output } = session;
  const added = await Promise.all((options.add ?? []).map((name) => findPublicKey(name, session)));
  const removed = await Promise.all(
    (options.remove ?? []).map(async (name) => {
      return isFingerprint(name) ? name : (await findPublicKey(name, session)).fingerprint;
    }),
  );
  const expires =
    options.expires === undefined ? {} : { expires: unixTime(unixTimeOf(new Date()) + options.expires) };
  const draft = await changeRootFile(path, (root) => ({
    ...root,
    ...expires,
    keys: rotated(root, added, removed),
    require: options.require ?? root.require,
  }));
  output.result({ file: path, ...rootDocument(draft) }, () => rootLines(draft, new Date()));
  output.story(
    'to be signed by as many of its former keys as its former version requires, and of its own: img trust sign',
  );
}

function rotated(
  { keys, name }: TrustRoot,
  added: readonly PublicKey[],
  removed: readonly string[],
): readonly PublicKey[] {
  const unknown = removed.find((print) => !keys.some(({ fingerprint }) => fingerprint === print));
  if (unknown !== undefined) {
    throw new CliError('KEY_UNKNOWN', `${unknown} is no root key of ${name}`, {
      hint: 'img trust show FILE lists them',
    });
  }
  const known = new Set(keys.map(({ fingerprint }) => fingerprint));
  return [
    ...keys.filter(({ fingerprint }) => !removed.includes(fingerprint)),
    ...added.filter(({ fingerprint }) => !known.has(fingerprint)),
  ];
}
