import { collect } from '@img/spec/collect';
import type { Descriptor } from '@img/spec/descriptor';
import { verified } from '@img/spec/verified';
import { RegistryError } from '../registry-error.ts';
import type { ContentOptions, ContentSource } from './content.ts';
import { namedMismatch } from './named-mismatch.ts';

/**
 * Reads a small blob whole and checked.
 *
 * @throws RegistryError DIGEST_MISMATCH, SIZE_MISMATCH, and what the source throws
 */
export async function readBlob(
  source: ContentSource,
  descriptor: Descriptor,
  maxBytes: number,
  options: ContentOptions = {},
): Promise<Uint8Array> {
  const what = `blob ${descriptor.digest} of ${source.name}`;
  if (descriptor.size > maxBytes) {
    throw new RegistryError(
      'SIZE_MISMATCH',
      `${what} has ${descriptor.size} bytes, more than the ${maxBytes} allowed`,
    );
  }
  try {
    return await collect(verified(source.getBlob(descriptor, options), descriptor), maxBytes, what);
  } catch (error) {
    throw namedMismatch(error, what);
  }
}
