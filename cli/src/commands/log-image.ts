import { collectEvidence } from '@img/registry/transfer/collect-evidence';
import { parseBundle } from '@img/sign/bundle';
import { type CheckedProof, checkProof } from '@img/sign/log/check-proof';
import { parseCheckpoint } from '@img/sign/log/checkpoint';
import type { KnownLog } from '@img/sign/log/known-log';
import { parseNote } from '@img/sign/log/signed-note';
import { parseProof } from '@img/sign/log/tlog-proof';
import { SignError } from '@img/sign/sign-error';
import type { TrustPolicy } from '@img/sign/trust-policy';
import { quote } from '@img/spec/quote';
import type { Command } from 'commander';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { exitCodes } from '../exit-code.ts';
import { locateImage } from '../host/locate-image.ts';
import { openHost } from '../host/open-host.ts';
import { RemoteRepository } from '../host/remote-repository.ts';
import { shortName } from '../host/short-name.ts';
import { typedReference } from '../host/typed-reference.ts';
import { countOf } from '../output/measure.ts';
import { bold, green, type Line, red } from '../output/text.ts';
import { logImage } from '../sign/log-image.ts';
import { openSignedImage } from '../sign/signed-place.ts';

type ImageOptions = { readonly remote?: boolean };

export function configureAdd(command: Command, context: CommandContext): void {
  command
    .description('add the signatures of an image to the log of its registry, and keep the proofs with them')
    .argument('<image>', 'an image of this host, whose next push takes the proofs along')
    .option('--remote', "the registry's copy");
  addExamples(command, 'img log add com.example.app:1.0.0', 'img log add --remote com.example.app:1.0.0');
  onRun(command, context, add);
}

async function add(session: Session, options: ImageOptions, text: string): Promise<void> {
  const { config, output } = session;
  const isRemote = options.remote === true;
  await using host = await openHost(session);
  await using image = await openSignedImage(session, host, text, { isRemote, access: 'delete' });
  const { location, place, content } = image;
  const { descriptor } = content;
  const added = await logImage(session, { location, place, descriptor, trust: await host.trust() });
  const name = shortName({ ...location, digest: descriptor.digest }, config);
  output.result({ image: name, added: added ?? 0 }, () => [
    `${name}  ${countOf(added ?? 0, 'signature')} logged`,
  ]);
  if (added === undefined) output.story('there are no signatures, or its registry has no log for them');
  else if (added === 0) output.story('all signatures have a proof of the log already');
}

export function configureVerify(command: Command, context: CommandContext): void {
  command
    .description('check the proofs that come with the signatures of an image; nobody is asked for it')
    .argument('<image>', 'an image of this host, or of its registry if this host has none')
    .option('--remote', "look at the registry's copy");
  addExamples(command, 'img log verify com.example.app:1.0.0');
  onRun(command, context, verify);
}

async function verify(session: Session, options: ImageOptions, text: string): Promise<void> {
  const { config, output, signal } = session;
  const reference = typedReference(text, config);
  await using host = await openHost(session);
  await using remote = new RemoteRepository(session, reference);
  const places = options.remote === true ? [remote] : [host.images.repository(reference), remote];
  const { content, place } = await locateImage(reference, places, { signal });
  const { policy } = await host.trust();
  const { digest } = content.descriptor;
  const { bundles, proofs = [] } = await collectEvidence(place, digest, { signal });
  const checked = bundles.map((bundle, index) => judge(bundle, proofs[index], policy));
  const name = shortName(reference, config);
  const signatures = checked.map(({ signer, ...proof }) => ({
    signer,
    ...proof,
    problem: proof.problem ?? null,
  }));
  output.result({ reference: name, digest, signatures }, () => [
    [bold(name), `  ${digest}`],
    ...checked.map(({ signer, problem, message }): Line => {
      return [problem === undefined ? green('ok  ') : red('no  '), `${signer} ${message}`];
    }),
  ]);
  output.detail(`found in ${place.name}`);
  if (checked.length === 0) output.story('there are no signatures that could be in a log');
  // Without a good proof nothing was verified.
  if (!checked.some(({ problem }) => problem === undefined)) session.setExitCode(exitCodes.notTrusted);
}

type Judged = CheckedProof & { readonly signer: string };

/** By the log that the proof names, if this host knows it: a name in a proof proves nothing. */
function judge(bundle: Uint8Array, proof: string | undefined, policy: TrustPolicy): Judged {
  const signer = `the signature by ${signerOf(bundle, policy)}`;
  const name = proof === undefined ? undefined : originOf(proof);
  const log: KnownLog | undefined = name === undefined ? undefined : policy.logs.get(name);
  if (proof === undefined) return { signer, problem: 'NOT_LOGGED', message: 'has no proof of a log' };
  if (log !== undefined) return { signer, ...checkProof(bundle, proof, log) };
  const of =
    name === undefined ? 'that proves nothing' : `of the log ${quote(name)}, which is not known here`;
  return {
    signer,
    problem: name === undefined ? 'PROOF_INVALID' : 'NOT_LOGGED',
    message: `has a proof ${of}`,
  };
}

function originOf(proof: string): string | undefined {
  return readable(() => parseCheckpoint(parseNote(parseProof(proof).checkpoint).text).origin);
}

function signerOf(bundle: Uint8Array, policy: TrustPolicy): string {
  const hint = readable(() => parseBundle(bundle))?.keyHint ?? '';
  const owner = [...policy.owners].find(([fingerprint]) => fingerprint === hint)?.[1];
  return owner?.name ?? (hint === '' ? 'an unknown key' : `the key ${quote(hint)}`);
}

function readable<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof SignError) return undefined;
    throw error;
  }
}
