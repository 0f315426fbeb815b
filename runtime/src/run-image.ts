import type { Decision } from '@img/sign/decision';
import type { Digest } from '@img/spec/digest';
import { formatReference, type Reference } from '@img/spec/reference';
import { type AcquireOptions, acquireImage, type ImageAccess, type PullPolicy } from './acquire-image.ts';
import type { RunOptions } from './config/run-options.ts';
import { checkCaller } from './launch/check-caller.ts';
import { hostPlatform } from './launch/host-platform.ts';
import { launch } from './launch/launch.ts';
import { nameDamage } from './name-damage.ts';
import { readImage } from './read-image.ts';
import type { RuntimeName } from './state/container-record.ts';
import type { RunState } from './state/run-state.ts';
import type { Tree } from './tree/tree.ts';
import type { Trust } from './trust/decide.ts';

/** What a caller may give up, one by one; recorded with the container. */
export type InsecureItem = 'signature';

export type RunImageRequest = {
  readonly reference: Reference;
  readonly options: RunOptions;
  /** `missing` if not given. */
  readonly pull?: PullPolicy;
  readonly insecure?: readonly InsecureItem[];
  readonly runtime?: RuntimeName;
};

/** The parts of a host that running an image needs. */
export type RunHost = {
  readonly state: RunState;
  readonly access: ImageAccess;
  readonly trust: Trust;
  /** Checks the layers of an image on this host, and makes ready to show them as one tree. */
  readonly prepareTree: (
    image: { readonly digest: Digest; readonly diffIds: readonly Digest[] },
    options: AcquireOptions,
  ) => Promise<Tree>;
};

/**
 * Runs an image in the place of this process: removes what killed commands left, resolves the reference once, fetches
 * what this host lacks, decides from the host's own copies whether the image may run, checks its files, and
 * launches it by digest. Returns never; what it throws comes before anything of the image has run.
 *
 * @throws NotTrustedError with the decision; RuntimeError IMAGE_DAMAGED if a byte on this host was changed,
 *   IMAGE_MISSING, IMAGE_UNSUPPORTED, CONTAINER_STUCK, and those of `launch`; RegistryError; SpecError
 */
export async function runImage(
  { reference, options, pull = 'missing', insecure = [], runtime }: RunImageRequest,
  { state, access, trust, prepareTree }: RunHost,
  acquireOptions: AcquireOptions = {},
): Promise<never> {
  checkCaller(options);
  const { signal } = acquireOptions;
  await state.sweep(signal === undefined ? {} : { signal });
  const acceptsUnsigned = insecure.includes('signature');
  const acquired = { ...reference, pull, trust, acceptsUnsigned, now: new Date() };
  const { content, decision } = await acquireImage(acquired, access, acquireOptions);
  const { image, tree } = await nameDamage(access.local.name, async () => {
    const { digest, config } = await readImage(content, access.local, hostPlatform(), acquireOptions);
    return { image: config, tree: await prepareTree({ digest, diffIds: config.diffIds }, acquireOptions) };
  });
  return launch(state, {
    image,
    tree,
    options,
    ...(runtime === undefined ? {} : { runtime }),
    receipt: {
      reference: formatReference(reference),
      digest: content.descriptor.digest,
      signers: signersOf(decision),
      // Only what made a difference: an image that is trusted all the same runs as any other.
      insecure: decision.trusted ? [] : insecure,
    },
  });
}

function signersOf(decision: Decision): readonly string[] {
  return decision.signers.map(({ identity }) => identity.name);
}
