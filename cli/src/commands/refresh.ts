import { collectEvidence } from '@img/registry/transfer/collect-evidence';
import { removeSignatures } from '@img/registry/transfer/remove-signatures';
import { checkEvidence } from '@img/sign/check-evidence';
import type { Evidence } from '@img/sign/evidence';
import { refreshableSequence } from '@img/sign/refreshable';
import { manifestsToSign } from '@img/sign/sign-image';
import type { Signer } from '@img/sign/signer';
import type { Claim } from '@img/sign/statement';
import { findRule, type TrustPolicy } from '@img/sign/trust-policy';
import { formatUnixTime, unixTime, unixTimeOf } from '@img/sign/unix-time';
import { parseManifest } from '@img/spec/manifest';
import type { RepositoryName } from '@img/spec/repository-name';
import type { Tag } from '@img/spec/tag';
import type { Command } from 'commander';
import { CliError } from '../cli-error.ts';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { openHost } from '../host/open-host.ts';
import { shortName } from '../host/short-name.ts';
import { openSigner } from '../keys/open-signer.ts';
import { addPassphraseOption, type PassphraseOptions, passphraseSource } from '../keys/passphrase-option.ts';
import { parseDuration } from '../option-values.ts';
import { bold } from '../output/text.ts';
import { openJournal } from '../sign/open-journal.ts';
import { type SignTagsRequest, signClaim } from '../sign/sign-tags.ts';
import { openSignedImage, type SignedImage } from '../sign/signed-place.ts';

type RefreshOptions = PassphraseOptions & {
  readonly key: string;
  readonly expires: number;
  readonly remote?: boolean;
};

export function configure(command: Command, context: CommandContext): void {
  command
    .argument('<image>', 'an image of this host; without a tag, all tags of the newest one')
    .requiredOption('--key <key>', 'the key of a refresher: see img trust add --role refresher')
    .requiredOption('--expires <time>', 'how long the tag holds from now on, such as 7d', parseDuration)
    .option('--remote', "extend the registry's copy");
  addPassphraseOption(command);
  addExamples(command, 'img refresh --key timer --expires 7d --remote com.example.app:1.0.0');
  onRun(command, context, refresh);
}

async function refresh(session: Session, options: RefreshOptions, text: string): Promise<void> {
  const { config, output } = session;
  const isRemote = options.remote === true;
  await using host = await openHost(session);
  // Its own older extensions are taken back, so that they don't pile up.
  await using image = await openSignedImage(session, host, text, { isRemote, access: 'delete' });
  if (image.tags.length === 0) {
    throw new CliError('USAGE', `${text} has no tag, and only what is said of tags can be extended`, {
      hint: 'name a tag',
    });
  }
  const trust = await host.trust();
  const { policy } = trust;
  const signer = await openSigner(options.key, config.keysFolder, passphraseSource(session, options));
  checkRefresher(signer, image.location.repository, policy);
  await using journal = openJournal(session, { location: image.location, trust, isRemote });
  const issued = unixTimeOf(new Date());
  const expires = unixTime(issued + options.expires);
  const document: { reference: string; sequence: number; expires: string }[] = [];
  for (const tag of image.tags) {
    const sequence = await sequenceOf(session, image, tag, policy);
    const claim: Claim = { ...image.location, tag, sequence, issued, expires };
    await extend(session, { ...image, signer, journal }, claim);
    const reference = shortName({ ...image.location, tag }, config);
    document.push({ reference, sequence, expires: formatUnixTime(expires) });
  }
  output.result(document, () =>
    document.map(({ reference, sequence, expires: end }) => [
      bold(reference),
      `  #${sequence}  until ${end}`,
    ]),
  );
}

/** @throws CliError KEY_UNSUITABLE */
function checkRefresher({ publicKey }: Signer, repository: RepositoryName, policy: TrustPolicy): void {
  const id = policy.owners.get(publicKey.fingerprint)?.id;
  if (id !== undefined && findRule(policy, repository)?.refreshers?.includes(id) === true) return;
  throw new CliError(
    'KEY_UNSUITABLE',
    `${id ?? publicKey.fingerprint} may not extend signatures of ${repository}, as far as is known here`,
    { hint: 'img trust add KEY --role refresher --prefix … lets somebody' },
  );
}

async function sequenceOf(
  { signal }: Session,
  { content, place, location }: SignedImage,
  tag: Tag,
  policy: TrustPolicy,
): Promise<number> {
  const { digest } = content.descriptor;
  const evidence = await collectEvidence(place, digest, { signal });
  const { repository } = location;
  const sequence = refreshableSequence({ repository, tag, digest, evidence, policy });
  if (sequence !== undefined) return sequence;
  throw new CliError(
    'SIGNATURE_UNKNOWN',
    `too few of those who may have signed ${repository}:${tag} as it is now`,
    {
      hint: 'somebody who may sign signs it first with img sign; nobody else can move a tag',
    },
  );
}

async function extend(
  { signal }: Session,
  {
    content,
    place,
    signer,
    journal,
  }: Pick<SignTagsRequest, 'content' | 'signer' | 'journal'> & Pick<SignedImage, 'place'>,
  claim: Claim,
): Promise<void> {
  await signClaim({ content, place, signer, journal }, claim, { signal });
  const { publicKey } = signer;
  const isOlder = (piece: Evidence) => {
    return checkEvidence(piece, { known: [publicKey], tried: [publicKey] }).some(({ statement }) => {
      const { tag, expires } = statement ?? {};
      return tag === claim.tag && expires !== undefined && expires < (claim.expires ?? 0);
    });
  };
  const manifest = parseManifest(content.bytes, content.descriptor.mediaType);
  for (const { digest } of manifestsToSign(content.descriptor, manifest)) {
    await removeSignatures(place, digest, isOlder, { signal });
  }
}
