import type { ContentSource } from '@img/registry/transfer/content';
import { formatReference, type Reference } from '@img/spec/reference';
import type { AcquireOptions, PullPolicy } from './acquire-image.ts';
import type { RunOptions } from './config/run-options.ts';
import type { Host } from './host.ts';
import { type InsecureItem, installImage } from './install-image.ts';
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
};

/**
 * Runs an image in the place of this process: removes what killed commands left, makes sure that the image is here,
 * trusted and undamaged, and launches it by digest. Returns never, and closes the host before the launch; what it
 * throws comes before anything of the image has run.
 *
 * @throws as `installImage` and `launch`
 */
export async function runImage(
  { reference, remote, options, pull = 'missing', insecure = [], runtime }: RunImageRequest,
  host: Host,
  acquireOptions: AcquireOptions = {},
): Promise<never> {
  checkCaller(options);
  const { signal, progress } = acquireOptions;
  const { stuck } = await host.sweep(signal === undefined ? {} : { signal });
  for (const { message } of stuck) progress?.({ kind: 'note', text: message });
  const install = { reference, remote, pull, insecure };
  const { descriptor, decision, config, tree } = await installImage(install, host, acquireOptions);
  // The app takes the place of this process, so nothing could be closed later.
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
