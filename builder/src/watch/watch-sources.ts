import { FolderWatchers } from './folder-watchers.ts';
import { type SourceStamps, stampSources } from './source-stamps.ts';

/** What a save in an editor and a checkout of a few files take. */
const settleMs = 50;
/** Where something is written all the time, it is built all the same. */
const mostMs = 2000;

/**
 * Yields at once, and then each time that something has changed which a build of the path reads, and nothing changes
 * any more for a moment. What changes while the taker is busy is noticed, too; what the build itself writes isn't.
 *
 * @param path as `buildFolder` takes it
 * @yields what has changed, by absolute paths; nothing the first time
 * @throws BuilderError RECIPE_MISSING, WATCH_FAILED; the reason of the signal
 */
export async function* watchSources(
  path: string,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): AsyncGenerator<readonly string[], void, undefined> {
  using watchers = new FolderWatchers();
  let before = await look(path, watchers);
  yield [];
  before = await withOwnLock(before, path);
  for (;;) {
    const now = await look(path, watchers);
    const changed = changesOf(before, now);
    before = now;
    if (changed.length > 0) {
      yield changed;
      before = await withOwnLock(before, path);
    } else await watchers.next({ settleMs, mostMs, signal });
  }
}

/** Watches first and looks then, so that nothing happens in between. */
async function look(path: string, watchers: FolderWatchers): Promise<SourceStamps> {
  for (;;) {
    const stamps = await stampSources(path);
    if (!watchers.watch(stamps.folders)) return stamps;
  }
}

/** The stamps, with the lock as the build has left it. */
async function withOwnLock(stamps: SourceStamps, path: string): Promise<SourceStamps> {
  const { lockFile, files } = stamps;
  if (lockFile === undefined) return stamps;
  const now = await stampSources(path);
  return { ...stamps, files: new Map([...files, [lockFile, now.files.get(lockFile) ?? '']]) };
}

function changesOf(before: SourceStamps, now: SourceStamps): readonly string[] {
  const isOther = (path: string): boolean => before.files.get(path) !== now.files.get(path);
  const isSameChoice = !now.rules.some(isOther);
  const paths = new Set([...before.files.keys(), ...now.files.keys()]);
  // Where other files count now, those haven't changed by that.
  return [...paths]
    .filter((path) => isOther(path) && (isSameChoice || (before.files.has(path) && now.files.has(path))))
    .sort();
}
