import type { ContentSource } from '@img/registry/transfer/content';
import { describeRule } from '@img/sign/trust-rule';
import { formatReference, type Reference } from '@img/spec/reference';
import type { PullPolicy } from './acquire-image.ts';
import type { InsecureItem } from './config/insecure-item.ts';
import type { RunOptions } from './config/run-options.ts';
import type { FetchOptions } from './fetch-layers.ts';
import type { Host } from './host.ts';
import { type InstalledImage, installImage } from './install-image.ts';
import { checkCaller } from './launch/check-caller.ts';
import { launch } from './launch/launch.ts';
import { checkLauncher } from './launch/launcher-table.ts';
import type { LaunchRequest } from './launch/prepare-launch.ts';
import { recordedItems } from './recorded-items.ts';
import type { ContainerName } from './state/container-name.ts';
import type { ContainerRecord, RuntimeName } from './state/container-record.ts';
import type { RunState } from './state/run-state.ts';

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
  /** What the container is called; nothing if not given. */
  readonly name?: ContainerName;
  /** Whether a container that has the name already is stopped and removed, once the image is ready to start. */
  readonly isReplacing?: boolean;
  /**
   * Told what is about to run, when nothing but the launch is left to do: the app takes the place of this process, so
   * whatever the caller still has open can only be closed here.
   */
  readonly beforeLaunch?: (image: InstalledImage) => Promise<void>;
};

export type StartImageRequest = RunImageRequest & {
  /** What becomes of the container when it ends. */
  readonly atEnd: NonNullable<ContainerRecord['detached']>;
  /** How to ask whether the app is healthy, and how long that may take; nobody asks unless it is given. */
  readonly health?: { readonly check: string; readonly timeoutMs: number };
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
  checkWishes(request, false);
  const launchRequest = await prepare(request, host, fetchOptions);
  await host.close();
  return launch(host.state, launchRequest);
}

/**
 * Like {@link runImage}, but the app runs on without this process, which should have nothing left to do.
 *
 * @returns what is known of the container, as soon as it runs and is healthy
 * @throws RuntimeError APP_UNHEALTHY, APP_INVALID, and as `installImage`, `launchDetached` and `removeContainer`; of the
 *   app nothing runs then
 */
export async function startImage(
  request: StartImageRequest,
  host: Host,
  fetchOptions: FetchOptions = {},
): Promise<ContainerRecord> {
  checkWishes(request, true);
  const launchRequest = await prepare(request, host, fetchOptions);
  await host.close();
  // Loaded where they are needed: most starts need neither.
  const { launchDetached } = await import('./launch/launch-detached.ts');
  const { health, atEnd } = request;
  if (health === undefined) return await launchDetached(host.state, launchRequest, atEnd);
  const checked = { ...launchRequest, health: health.check };
  const record = await launchDetached(host.state, checked, atEnd);
  const { endUnhealthy } = await import('./containers/end-unhealthy.ts');
  await endUnhealthy(host.state, record, health, fetchOptions.signal);
  return record;
}

// What can be known before anything is fetched; who has not chosen a launcher gets one that fits, and is told later.
function checkWishes({ options, insecure = [], runtime }: RunImageRequest, isDetached: boolean): void {
  checkCaller(options, isDetached);
  if (runtime === undefined) return;
  checkLauncher(runtime, { options: { ...options, insecure }, isDetached, isInUnit: false, isUser: false });
}

async function prepare(
  request: RunImageRequest,
  host: Host,
  fetchOptions: FetchOptions,
): Promise<LaunchRequest> {
  const { reference, remote, options, pull = 'missing', insecure = [], runtime, name } = request;
  const { signal, progress } = fetchOptions;
  const { stuck } = await host.sweep(signal === undefined ? {} : { signal });
  for (const { message } of stuck) progress?.({ kind: 'note', text: message });
  const installed = await installImage({ reference, remote, pull, insecure }, host, fetchOptions);
  const { descriptor, decision, config, tree } = installed;
  await request.beforeLaunch?.(installed);
  if (name !== undefined && request.isReplacing === true) await clearName(host.state, name, signal);
  return {
    image: config,
    tree,
    options: { ...options, insecure },
    ...(name === undefined ? {} : { name }),
    ...(runtime === undefined ? {} : { runtime }),
    receipt: {
      reference: formatReference(reference),
      digest: descriptor.digest,
      signers: decision.signers.map(({ identity }) => identity.name),
      ...(decision.trusted ? { rule: describeRule(decision.rule) } : {}),
      insecure: recordedItems(insecure, decision),
    },
  };
}

async function clearName(state: RunState, name: ContainerName, signal?: AbortSignal): Promise<void> {
  const { removeContainer } = await import('./containers/remove-container.ts');
  const holder = state.all().find((container) => container.name === name);
  if (holder === undefined) return;
  await removeContainer(state, holder, { isForced: true, ...(signal === undefined ? {} : { signal }) });
}
