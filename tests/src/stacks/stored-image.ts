import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LayerCache } from '@img/builder/layers/layer-cache';
import { packageKey } from '@img/builder/layers/package-layers';
import { LockFile, lockPathOf } from '@img/builder/lock/lock-file';
import { digestHex, parseDigest } from '@img/spec/digest';
import { parseImageManifest } from '@img/spec/manifest';
import type { StoredImage, StoredPackage } from './sharing.ts';
import type { Workplace } from './try-stack.ts';

/**
 * What is stored of an image that was built, and of its packages.
 *
 * @param app the folder of its img.yaml
 * @param packages gets the packages
 */
export async function storedImage(
  { variables }: Workplace,
  app: string,
  digest: string,
  packages: Map<string, StoredPackage>,
): Promise<StoredImage> {
  const { IMG_ROOT = '', IMG_CACHE = '' } = variables;
  const cache = new LayerCache(IMG_CACHE);
  const { lock } = await LockFile.read(lockPathOf(join(app, 'img.yaml')));
  const [platform] = lock?.platforms.values() ?? [];
  const digests = new Map<string, string>();
  for (const each of platform?.packages ?? []) {
    const layer = await cache.find(packageKey(each));
    digests.set(each.name, each.digest);
    packages.set(each.digest, {
      source: `${each.source.name} ${each.source.version}`,
      layerBytes: layer?.sizeBytes ?? 0,
    });
  }
  const bytes = await readFile(join(IMG_ROOT, 'blobs/sha256', digestHex(parseDigest(digest))));
  const { config, layers } = parseImageManifest(bytes);
  const holds = new Map(platform?.layers.map((layer) => [layer.digest, layer.packages]));
  return {
    documentsBytes: bytes.byteLength + config.size,
    layers: layers.map((layer) => ({
      digest: layer.digest,
      sizeBytes: layer.size,
      packages: (holds.get(layer.digest) ?? []).flatMap((name) => digests.get(name) ?? []),
    })),
  };
}
