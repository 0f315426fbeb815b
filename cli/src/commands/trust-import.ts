import { readTrustFiles } from '@img/runtime/trust/trust-files';
import { judgeTrustRoot } from '@img/sign/judge-trust-root';
import { parseFingerprint } from '@img/sign/public-key';
import { encodeSignedTrustRoot, type SignedTrustRoot } from '@img/sign/signed-trust-root';
import { unixTimeOf } from '@img/sign/unix-time';
import type { Command } from 'commander';
import { parseArgument } from '../argument.ts';
import { CliError } from '../cli-error.ts';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { TerminalPrompt } from '../terminal/terminal-prompt.ts';
import { rootDocument, rootLines } from '../trust/describe-root.ts';
import { downloadRoot, isRootUrl } from '../trust/download-root.ts';
import { changeTrustFile } from '../trust/local-trust.ts';
import { readRootFile } from '../trust/root-file.ts';

type ImportOptions = { readonly yes?: boolean; readonly keys?: readonly string[] };

export function configure(command: Command, context: CommandContext): void {
  command
    .description('trust the trust root of a publisher, or take over its next version')
    .argument('<file>', 'of the trust root, or its address https://…; /dev/stdin for what is piped in')
    .option(
      '--keys <fingerprint...>',
      'the first time, trust it without being asked if its root keys are these',
    )
    .option('--yes', 'trust it without being asked; compare the fingerprints of its keys before');
  addExamples(
    command,
    'img trust import root.json',
    'img trust import https://example.com/root.json --keys SHA256:… SHA256:…',
  );
  onRun(command, context, importRoot);
}

async function importRoot(session: Session, { yes, keys }: ImportOptions, text: string): Promise<void> {
  const { config, output, signal } = session;
  const { trustFolders } = config;
  const offered = isRootUrl(text) ? await downloadRoot(text, signal) : await readRootFile(text);
  const { name } = offered.root;
  const before = await findPinned(trustFolders, offered);
  // The first time a person decides; from then on the root itself says who may replace it.
  if (before === undefined) {
    check(offered, undefined);
    if (keys !== undefined) checkKeys(offered, keys);
    else if (yes !== true) await askFor(session, offered);
  }
  let isKnown = false;
  await changeTrustFile(trustFolders, async () => {
    const pinned = await findPinned(trustFolders, offered);
    isKnown = check(offered, pinned?.signedRoot).isKnown;
    const fileName = pinned?.name ?? `${name.replaceAll('/', '+')}.json`;
    return { name: fileName, bytes: encodeSignedTrustRoot(offered) };
  });
  output.result({ isKnown, ...rootDocument(offered) }, () => [
    `${name} version ${offered.root.version} ${isKnown ? 'was trusted already' : 'is trusted'}`,
  ]);
  if (before !== undefined && !isKnown) {
    output.story(`it replaces version ${before.signedRoot?.root.version}`);
  }
}

async function findPinned(trustFolders: readonly string[], { root }: SignedTrustRoot) {
  const files = await readTrustFiles(trustFolders);
  return files.find((file) => file.root?.name === root.name);
}

/** @throws CliError ROOT_REFUSED */
function check(offered: SignedTrustRoot, trusted: SignedTrustRoot | undefined) {
  const decision = judgeTrustRoot({ offered, trusted, now: unixTimeOf(new Date()) });
  if (decision.accepted) return decision;
  const { message, hint } = decision;
  throw new CliError('ROOT_REFUSED', message, hint === undefined ? {} : { hint });
}

/** @throws CliError ROOT_REFUSED unless the root keys are exactly these; SignError KEY_INVALID */
function checkKeys({ root }: SignedTrustRoot, expected: readonly string[]): void {
  const wanted = new Set<string>(expected.map((text) => parseArgument(parseFingerprint, text)));
  const found = root.keys.map(({ fingerprint }) => fingerprint);
  if (found.length === wanted.size && found.every((fingerprint) => wanted.has(fingerprint))) return;
  throw new CliError('ROOT_REFUSED', `the root keys of ${root.name} are others: ${found.join(', ')}`, {
    hint: 'ask its publisher for the fingerprints of its keys in another way than you got the file',
  });
}

async function askFor({ output, signal }: Session, offered: SignedTrustRoot): Promise<void> {
  output.story(...rootLines(offered, new Date()));
  using prompt = TerminalPrompt.open();
  if (prompt === undefined) {
    throw new CliError('USAGE', `nobody is there to say whether ${offered.root.name} is to be trusted`, {
      hint: 'compare the fingerprints of its root keys with what its publisher says, and add --yes',
    });
  }
  const answer = await prompt.askText('Are these the keys of its publisher? Type yes to trust them: ', {
    signal,
  });
  if (answer.trim() !== 'yes') throw new CliError('CANCELLED', `${offered.root.name} is not trusted`);
}
