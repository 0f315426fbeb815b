import { RegistryError } from '@img/registry/registry-error';
import { copy } from '@img/registry/transfer/copy';
import { namedBlobs } from '@img/registry/transfer/named-blobs';
import type { Host } from '@img/runtime/host';
import { unixTimeOf } from '@img/sign/unix-time';
import type { Digest } from '@img/spec/digest';
import type { Session } from '../command.ts';
import type { Config } from '../config/config.ts';
import { shortName } from '../host/short-name.ts';
import type { TaggedImage } from '../host/tagged-image.ts';
import { openSigner } from '../keys/open-signer.ts';
import { type PassphraseOptions, passphraseSource } from '../keys/passphrase-option.ts';
import { countOf } from '../output/measure.ts';
import { askKnownStatements } from '../sign/ask-known-statements.ts';
import { attestContents } from '../sign/attest-contents.ts';
import type { Signing } from '../sign/known-statements.ts';
import { logImage } from '../sign/log-image.ts';
import { openJournal } from '../sign/open-journal.ts';
import { signTags } from '../sign/sign-tags.ts';
import type { PushDestination } from './push-destination.ts';

export type PushImageOptions = PassphraseOptions & {
  /** The key that its tags and what is in it are signed with; undefined for those signatures that it has. */
  readonly sign?: string;
};

export type PushedImage = {
  /** What it can be pulled as. */
  readonly references: readonly string[];
  readonly digest: Digest;
  readonly copiedBlobs: number;
  readonly presentBlobs: number;
};

/** Moves an image of this host with its signatures to a registry, after signing it if that is asked for. */
export async function pushImage(
  session: Session,
  host: Host,
  image: TaggedImage,
  { sign, destination, ...options }: PushImageOptions & { readonly destination: PushDestination },
): Promise<PushedImage> {
  const { config, output, signal } = session;
  const { location, descriptor, tags } = image;
  if (sign !== undefined) await signAll(session, host, { ...options, sign }, image);
  await logAll(session, host, image);
  const source = host.images.repository(location);
  const { target } = destination;
  const before = await destination.before;
  // An image that is there already is looked through: perhaps it is pushed again because something is missing.
  const isOther = before !== undefined && before !== descriptor.digest;
  const { copiedBlobs, presentBlobs } = await copy({
    source,
    target,
    reference: descriptor.digest,
    tags,
    ...(isOther ? { known: await namedBlobs(source, before, { signal }) } : {}),
    progress: output.progress,
    signal,
  });
  return { references: referencesOf(image, config), digest: descriptor.digest, copiedBlobs, presentBlobs };
}

function referencesOf({ location, descriptor, tags }: TaggedImage, config: Config): readonly string[] {
  if (tags.length === 0) return [shortName({ ...location, digest: descriptor.digest }, config)];
  return tags.map((tag) => shortName({ ...location, tag }, config));
}

/** Adds the signatures of an image to the log of its registry, if it has one: their proofs go with the push. */
async function logAll(session: Session, host: Host, { location, descriptor }: TaggedImage): Promise<void> {
  const place = host.images.repository(location);
  const added = await logImage(session, { location, place, descriptor, trust: await host.trust() });
  if (added !== undefined && added > 0) session.output.story(`${countOf(added, 'signature')} logged`);
}

/** Signs the tags of an image, and what is in it, on this host: the push takes all of it along. */
async function signAll(
  session: Session,
  host: Host,
  options: PushImageOptions & { readonly sign: string },
  { location, descriptor, tags }: TaggedImage,
): Promise<void> {
  const { config, output, signal } = session;
  const { registry, repository } = location;
  const place = host.images.repository(location);
  const content = await place.getManifest(descriptor.digest);
  if (content === undefined) {
    throw new RegistryError('REFERENCE_UNKNOWN', `image ${shortName(location, config)} was just removed`);
  }
  const signer = await openSigner(options.sign, config.keysFolder, passphraseSource(session, options));
  const signing: Signing = { repository, digest: descriptor.digest, tags };
  const trust = await host.trust();
  const known = await askKnownStatements(session, {
    signing,
    place,
    registry,
    signer: signer.publicKey,
    trust,
    isAsking: true,
  });
  const issued = unixTimeOf(new Date());
  await using journal = openJournal(session, { location, trust, isRemote: false });
  await signTags(
    { ...signing, place, registry, content, signer, known, issued, expires: undefined, journal },
    { signal },
  );
  const count = await attestContents(session, host, { location, content, place, signer, created: issued });
  const images = count === 1 ? '' : ` of ${count} images`;
  output.story(`signed with ${signer.publicKey.fingerprint}, and the list of packages${images}`);
}
