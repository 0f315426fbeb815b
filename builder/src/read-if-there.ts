import { createReadStream } from 'node:fs';
import { collect } from '@img/spec/collect';
import { quote } from '@img/spec/quote';

// The parsers have limits of their own, so this one only keeps /dev/zero out.
const maxBytes = 16 * 1024 * 1024;

/** A file that people write; undefined if there is none. @throws SpecError CONTENT_SIZE */
export async function readIfThere(path: string): Promise<Uint8Array | undefined> {
  try {
    return await collect(createReadStream(path), maxBytes, quote(path));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw cause;
  }
}
