import type { ContentSource } from '@img/registry/transfer/content';
import { formatReference, type Reference } from '@img/spec/reference';
import type { PullPolicy } from './acquire-image.ts';
import type { RunOptions } from './config/run-options.ts';
import type { FetchOptions } from './fetch-layers.ts';
import type { Host } from './host.ts';
import { type InsecureItem, type InstalledImage, installImage } from './install-image.ts';
import { checkCaller } from './launch/check-caller.ts';
import { launch } from './launch/launch.ts';
import type { RuntimeName } from './state/container-record.ts';

export type RunImageRequest = {
  readonly reference: Reference;
  /** The repository in its registry. */
  readonly remote: ContentSource;
  readonly options: RunOptions;
  /** `missing` if not given. */
  readonly pull?: PullPolicy;
  readonly insecure?: readonly InsecureItem[];
  /** Chosen by what the host has if not given. */
  readonly runtime?: RuntimeName;
  /**
   * Told what is about to run, when nothing but the launch is left to do: the app takes the place of this process, so
   * whatever the caller still has open can only be closed here.
   */
  readonly beforeLaunch?: (image: InstalledImage) => Promise<void>;
};

/**
 * Runs an image in the place of this process: removes what killed commands left, makes sure that the image is here,
 * trusted and undamaged, and launches it by digest. Returns never, and closes the host before the launch; what it
 * throws comes before anything of the image has run.
 *
 * @throws as `installImage` and `launch`
 */
export async function runImage(
  request: RunImageRequest,
  host: Host,
  fetchOptions: FetchOptions = {},
): Promise<never> {
  const { reference, remote, options, pull = 'missing', insecure = [], runtime } = request;
  checkCaller(options);
  const { signal, progress } = fetchOptions;
  const { stuck } = await host.sweep(signal === undefined ? {} : { signal });
  for (const { message } of stuck) progress?.({ kind: 'note', text: message });
  const installed = await installImage({ reference, remote, pull, insecure }, host, fetchOptions);
  const { descriptor, decision, config, tree } = installed;
  await request.beforeLaunch?.(installed);
  await host.close();
  return launch(host.state, {
    image: config,
    tree,
    options,
    ...(runtime === undefined ? {} : { runtime }),
    receipt: {
      reference: formatReference(reference),
      digest: descriptor.digest,
      signers: decision.signers.map(({ identity }) => identity.name),
      // Only what made a difference: an image that is trusted all the same runs as any other.
      insecure: decision.trusted ? [] : insecure,
    },
  });
}
