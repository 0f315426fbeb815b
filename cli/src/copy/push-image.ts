import { attachRecords, recallRecords } from '@img/builder/kept/attach-records';
import { LayerCache } from '@img/builder/layers/layer-cache';
import type { ContentTarget } from '@img/registry/transfer/content';
import { copy } from '@img/registry/transfer/copy';
import { namedBlobs } from '@img/registry/transfer/named-blobs';
import type { Host } from '@img/runtime/host';
import { CodedError } from '@img/spec/coded-error';
import type { Digest } from '@img/spec/digest';
import type { Session } from '../command.ts';
import type { Config } from '../config/config.ts';
import { shortName } from '../host/short-name.ts';
import type { TaggedImage } from '../host/tagged-image.ts';
import type { PassphraseOptions } from '../keys/passphrase-option.ts';
import { countOf } from '../output/measure.ts';
import { logImage } from '../sign/log-image.ts';
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

export type PushWay = {
  readonly destination: PushDestination;
  /** Blobs that the destination is known to have; the image's own are found out. */
  readonly present?: ReadonlySet<Digest>;
};

/** Moves an image of this host with its signatures to a registry, after signing it if that is asked for. */
export async function pushImage(
  session: Session,
  host: Host,
  image: TaggedImage,
  { sign, destination, present = new Set(), ...options }: PushImageOptions & PushWay,
): Promise<PushedImage> {
  const { config, output, signal } = session;
  const { location, descriptor, tags } = image;
  if (sign !== undefined) {
    const { signPushed } = await import('./sign-pushed.ts');
    await signPushed(session, host, { ...options, sign }, image);
  }
  await logAll(session, host, image);
  const source = host.images.repository(location);
  const { target } = destination;
  const before = await destination.before;
  // An image that is there already is looked through: perhaps it is pushed again because something is missing.
  const isOther = before !== undefined && before !== descriptor.digest;
  const named = isOther ? await namedBlobs(source, before, { signal }) : new Set<Digest>();
  const [{ copiedBlobs, presentBlobs }] = await Promise.all([
    copy({
      source,
      target,
      reference: descriptor.digest,
      tags,
      known: named.union(present),
      progress: output.progress,
      signal,
    }),
    attachAll(session, target, descriptor.digest),
  ]);
  return { references: referencesOf(image, config), digest: descriptor.digest, copiedBlobs, presentBlobs };
}

/** Attaches what builds of the same packages need elsewhere. A registry that refuses it has the image all the same. */
async function attachAll(
  { config, output, signal }: Session,
  target: ContentTarget,
  image: Digest,
): Promise<void> {
  const cache = new LayerCache(config.cacheFolder);
  try {
    for (const records of await recallRecords(cache, image)) {
      await attachRecords(records, { cache, target, signal });
    }
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    output.detail(`what builds elsewhere need could not be attached: ${error.message}`);
  }
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
