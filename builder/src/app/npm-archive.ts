import { decompress } from '@img/registry/compression/decompress';
import { RegistryError } from '@img/registry/registry-error';
import { entryPath } from '@img/runtime/layers/entry-path';
import { RuntimeError } from '@img/runtime/runtime-error';
import { bytesOf } from '@img/runtime/tar/byte-string';
import type { TarEntry } from '@img/runtime/tar/tar-entry';
import { TarReader } from '@img/runtime/tar/tar-reader';
import { quote } from '@img/spec/quote';
import { BuilderError } from '../builder-error.ts';
import type { Spool } from '../deb/spool.ts';
import type { DraftContent } from '../image/layer-draft.ts';

/** A file of a package. */
export type NpmFile = {
  readonly path: string;
  readonly isExecutable: boolean;
  readonly content: DraftContent;
};

const maxBytes = 4 * 1024 ** 3;

/**
 * The files of a package's archive, which is written to the spool. As npm does it, the first folder of each path is
 * left out, and whatever is not a file, too.
 *
 * @param what how messages name the package
 * @throws BuilderError APP_INVALID
 */
export async function unpackNpm(
  archive: AsyncIterable<Uint8Array>,
  spool: Spool,
  what: string,
): Promise<readonly NpmFile[]> {
  const start = spool.sizeBytes;
  const entries: TarEntry[] = [];
  const reader = new TarReader((entry) => entries.push(entry));
  try {
    for await (const chunk of decompress(archive, { compression: 'gzip', maxBytes })) {
      reader.push(chunk);
      await spool.append(chunk);
    }
    reader.end();
    const files = new Map<string, NpmFile>();
    for (const entry of entries) {
      const path = fileOf(entry);
      if (path === undefined) continue;
      const content = {
        sizeBytes: entry.size,
        read: () => spool.read(start + entry.contentOffset, entry.size),
      };
      files.set(path, { path, isExecutable: (entry.mode & 0o111) !== 0, content });
    }
    return [...files.values()];
  } catch (cause) {
    if (!(cause instanceof RuntimeError) && !(cause instanceof RegistryError)) throw cause;
    throw new BuilderError('APP_INVALID', `${quote(what)} can't be unpacked: ${cause.message}`, { cause });
  }
}

function fileOf(entry: TarEntry): string | undefined {
  if (entry.kind !== 'file' || entry.sparse !== undefined) return undefined;
  const path = bytesOf(entryPath(entry.path)).toString('utf8');
  const slash = path.indexOf('/');
  return slash < 0 ? undefined : path.slice(slash + 1);
}
