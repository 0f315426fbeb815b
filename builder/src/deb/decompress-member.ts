import { decompress } from '@img/registry/compression/decompress';
import { RegistryError } from '@img/registry/registry-error';
import { quote } from '@img/spec/quote';
import { BuilderError } from '../builder-error.ts';
import { decompressXz } from '../xz.ts';

/**
 * Decompresses a member of a .deb the way its name says (deb(5) for Debian's gz and xz, and zst as Ubuntu has
 * it); undefined if the name is of none of them.
 *
 * @param name such as `data.tar.xz`
 * @param what how messages name it
 * @throws BuilderError COMPRESSION_INVALID for damaged content and for more than maxBytes
 */
export function decompressMember(
  name: string,
  content: AsyncIterable<Uint8Array>,
  { maxBytes, what }: { readonly maxBytes: number; readonly what: string },
): AsyncIterable<Uint8Array> | undefined {
  switch (/^[a-z]+\.tar(?:\.([a-z0-9]+))?$/.exec(name)?.[1] ?? '') {
    case '':
      return withBuilderErrors(decompress(content, { compression: 'none', maxBytes }), what);
    case 'gz':
      return withBuilderErrors(decompress(content, { compression: 'gzip', maxBytes }), what);
    case 'zst':
      return withBuilderErrors(decompress(content, { compression: 'zstd', maxBytes }), what);
    case 'xz':
      return decompressXz(content, { maxBytes, what });
    default:
      return undefined;
  }
}

async function* withBuilderErrors(
  source: AsyncIterable<Uint8Array>,
  what: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* source;
  } catch (cause) {
    if (!(cause instanceof RegistryError)) throw cause;
    throw new BuilderError('COMPRESSION_INVALID', `${quote(what)}: ${cause.message}`, { cause });
  }
}
