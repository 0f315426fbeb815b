import type { ContentSource } from '@img/registry/transfer/content';
import { formatReference, type Reference } from '@img/spec/reference';
import type { PullPolicy } from '../acquire-image.ts';
import { parseStopSignal } from '../config/stop-signal.ts';
import type { FetchOptions } from '../fetch-layers.ts';
import { installImage } from '../install-image.ts';
import type { ContainerName } from '../state/container-name.ts';
import type { AppContext } from './app-context.ts';
import type { AppDefinition } from './app-definition.ts';
import type { Generation } from './app-files.ts';

/**
 * Fetches and checks what an image needs to start, and writes down a new generation of an app; nothing else changes.
 *
 * @throws as `installImage`
 */
export async function stageGeneration(
  name: ContainerName,
  definition: AppDefinition,
  { source: reference }: { readonly source: Reference },
  remote: ContentSource,
  { host, now }: AppContext,
  { pull = 'always', ...options }: FetchOptions & { readonly pull?: PullPolicy } = {},
): Promise<Generation> {
  const insecure = definition.insecure ?? [];
  const { descriptor, decision, config } = await installImage(
    { reference, remote, pull, insecure },
    host,
    options,
  );
  return await host.apps.addGeneration(name, {
    created: now().toISOString(),
    source: formatReference({ ...reference, digest: undefined }),
    digest: descriptor.digest,
    signers: decision.signers.map(({ identity }) => identity.name),
    stopSignal: parseStopSignal(config.config.stopSignal),
    definition,
  });
}
