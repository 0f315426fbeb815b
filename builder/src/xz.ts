import { availableParallelism } from 'node:os';
import { quote } from '@img/spec/quote';
import { BuilderError } from './builder-error.ts';
import { ByteReader } from './deb/byte-reader.ts';
import { BlockContent, checkedContent } from './xz/block-content.ts';
import { decompressStreamed, XzLibraryError } from './xz/decompress-stream.ts';
import { readBlocks, XzDamagedError } from './xz/read-blocks.ts';

/** Where xz content comes from, and how long it may become. */
export type XzOptions = {
  /** Longest accepted output in bytes. */
  readonly maxBytes: number;
  /** How messages name the content, for example `data.tar.xz of libc6_2.36-9_amd64.deb`. */
  readonly what: string;
};

/** How many blocks of a file are decompressed at the same time. */
const blocksAtOnce = Math.min(availableParallelism(), 4);

/**
 * Decompresses an xz file, all of its streams and blocks, with every check in it. Large packages have several blocks,
 * which are decompressed at the same time, each in a thread of its own, as far as there is room to hold them; what has
 * one block holds little in memory, and reading slowly makes it decompress slowly.
 *
 * @throws BuilderError COMPRESSION_INVALID for what is damaged, truncated, longer than allowed or not xz; what
 *   the source throws
 */
export async function* decompressXz(
  source: AsyncIterable<Uint8Array>,
  { maxBytes, what }: XzOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const reader = new ByteReader(source);
  let sizeBytes = 0;
  try {
    for await (const chunk of decompressed(reader)) {
      sizeBytes += chunk.byteLength;
      if (sizeBytes > maxBytes) break;
      yield chunk;
    }
  } catch (cause) {
    if (!(cause instanceof XzLibraryError || cause instanceof XzDamagedError)) throw cause;
    throw new BuilderError('COMPRESSION_INVALID', `${quote(what)} is not valid xz: ${cause.message}`, {
      cause,
    });
  } finally {
    await reader.end();
  }
  if (sizeBytes > maxBytes) {
    throw new BuilderError(
      'COMPRESSION_INVALID',
      `${quote(what)} is longer than the ${maxBytes} bytes allowed when it is decompressed`,
    );
  }
}

/** Decompresses blocks ahead, and passes their contents on in order. */
async function* decompressed(reader: ByteReader): AsyncGenerator<Uint8Array, void, undefined> {
  const ahead: BlockContent[] = [];
  try {
    for await (const part of readBlocks(reader)) {
      const begun = part.kind === 'block' ? await BlockContent.begin(part.source, part) : undefined;
      if (begun !== undefined) ahead.push(begun);
      if (begun !== undefined && ahead.length < blocksAtOnce) continue;
      if (begun !== undefined) {
        yield* takeFirst(ahead);
        continue;
      }
      while (ahead.length > 0) yield* takeFirst(ahead);
      if (part.kind === 'block') yield* checkedContent(part.source, part.contentBytes);
      else yield* decompressStreamed(part.source);
    }
    while (ahead.length > 0) yield* takeFirst(ahead);
  } finally {
    for (const block of ahead) await block.end();
  }
}

async function* takeFirst(ahead: BlockContent[]): AsyncGenerator<Uint8Array, void, undefined> {
  const [first] = ahead;
  yield* first?.read() ?? [];
  ahead.shift();
  await first?.end();
}
