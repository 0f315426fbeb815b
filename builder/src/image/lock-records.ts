import { digestOf } from '@img/spec/digest';
import { keepRecords, packRecords, readRecords } from '../kept/package-records.ts';
import type { LayerCache } from '../layers/layer-cache.ts';
import type { PlatformLock } from '../lock/image-lock.ts';
import type { ImageLayer } from './layer-files.ts';
import type { Foundation } from './os-layers.ts';
import { samePackages } from './platform-lock.ts';

export type LockRecordsOptions = {
  readonly cache: LayerCache;
  readonly locked: PlatformLock | undefined;
  /** Whether nothing else may be locked than what is. */
  readonly isLocked: boolean;
};

/**
 * What was made, with the records of its packages, which this machine has then. They are those that were locked, unless
 * another version of img has made them.
 *
 * @param files the layers that an image has of the packages
 */
export async function withRecords(
  made: PlatformLock,
  { layers }: Foundation,
  files: readonly ImageLayer[],
  { cache, locked, isLocked }: LockRecordsOptions,
): Promise<PlatformLock> {
  if (layers.length === 0) return made;
  const before = locked !== undefined && samePackages(made, locked) ? locked.records : undefined;
  if (isLocked && before === undefined) return made;
  const known = before === undefined || cache.isFresh ? undefined : await readRecords(cache, before);
  if (known !== undefined) return { ...made, records: before };
  const bytes = await packRecords(layers, files);
  const records = { digest: digestOf(bytes), size: bytes.byteLength };
  await keepRecords(cache, records.digest, bytes);
  return { ...made, records: isLocked ? before : records };
}
