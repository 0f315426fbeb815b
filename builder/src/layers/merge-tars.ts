import type { TarEntry } from '@img/runtime/tar/tar-entry';
import { TarReader } from '@img/runtime/tar/tar-reader';
import { Spool } from '../deb/spool.ts';
import { blockBytes, endOfArchive } from '../tar/encode-header.ts';

/**
 * One tar with everything that is in several: their members one after the other, a path that an earlier one
 * has already left out. Whether that is right for each path is the caller's to know.
 *
 * @param temporaryFolder where a tar is kept while its members are picked; one at a time
 */
export async function* mergeTars(
  tars: Iterable<AsyncIterable<Uint8Array>>,
  temporaryFolder: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  const seen = new Set<string>();
  for (const tar of tars) {
    await using spool = await Spool.create(temporaryFolder);
    const entries = await spoolTar(tar, spool);
    let start = 0;
    for (const { path, contentOffset, size } of entries) {
      const end = contentOffset + Math.ceil(size / blockBytes) * blockBytes;
      if (!seen.has(path)) yield* spool.read(start, end - start);
      seen.add(path);
      start = end;
    }
  }
  yield endOfArchive();
}

async function spoolTar(tar: AsyncIterable<Uint8Array>, spool: Spool): Promise<readonly TarEntry[]> {
  const entries: TarEntry[] = [];
  const reader = new TarReader((entry) => entries.push(entry));
  for await (const chunk of tar) {
    reader.push(chunk);
    await spool.append(chunk);
  }
  reader.end();
  return entries;
}
