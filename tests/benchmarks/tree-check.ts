import { Host } from '@img/runtime/host';
import { detailedHostPlatform } from '@img/runtime/launch/host-platform';
import { readImage } from '@img/runtime/read-image';
import { checkTree } from '@img/runtime/tree/prepare-tree';
import { parseReference } from '@img/spec/reference';
import { parseRegistryHost } from '@img/spec/registry-host';
import { runCommand } from './command.ts';
import { median } from './report.ts';
import type { Workshop } from './workshop.ts';

const rounds = 21;

/**
 * Checks the tree of a pulled image again and again in this process, as each start does once: stamps of the layers,
 * the digest of the metadata.
 *
 * @param image as it is called in the registry; pulled again, which fetches only what names it
 */
export async function checkTimes(workshop: Workshop, image: string): Promise<readonly string[]> {
  await runCommand(workshop.img('host', 'pull', `${image}:latest`));
  await using host = new Host({
    store: workshop.path('host/store'),
    run: workshop.path('host/run'),
    trust: [],
  });
  const [address = ''] = image.split('/');
  const registries = { default: parseRegistryHost(address), aliases: new Map() };
  const reference = parseReference(`${image}:latest`, registries);
  const local = host.images.repository(reference);
  const content = reference.tag === undefined ? undefined : await local.getManifest(reference.tag);
  if (content === undefined) throw new Error(`${image} is not on the host`);
  const request = host.treeRequest(await readImage(content, local, detailedHostPlatform()), undefined);
  const times: number[] = [];
  for (let round = 0; round < rounds; round += 1) {
    const startedAt = performance.now();
    await checkTree(request);
    times.push(performance.now() - startedAt);
  }
  const [first = Number.NaN] = times;
  return [
    '',
    'check the tree of this image, as each start does',
    '  (in a process that runs already; the first is as slow as in a start)',
    `  first ${first.toFixed(1)} ms, median ${median(times).toFixed(1)} ms, least ${Math.min(...times).toFixed(1)} ms`,
  ];
}
