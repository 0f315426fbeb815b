import { createHash, randomBytes } from 'node:crypto';
import { lstatSync, opendirSync, rmSync } from 'node:fs';
import { RuntimeError } from '../runtime-error.ts';
import { identifyProcess, readBootId, readPidNamespace } from '../state/process-identity.ts';

const pattern = /^\.img-tmp-(\d{1,10})-(\d{1,15})-([0-9a-f]{8})-[0-9a-f]{12}$/;
// Whoever shares a folder over a network, or from another container, is done with a file after that time.
const longestMs = 24 * 60 * 60 * 1000;
// A folder of somebody else may have any number of entries, and get new ones as fast as they are read.
const maxEntries = 10_000;

/**
 * A name for what this process still writes into a folder of others, by which {@link sweepUnfinishedFiles} can tell it
 * when the process was killed.
 *
 * @throws RuntimeError HOST_UNSUPPORTED
 */
export function unfinishedFileName(): string {
  const writer = identifyProcess(process.pid);
  if (writer === undefined) throw new RuntimeError('HOST_UNSUPPORTED', 'this host has no /proc');
  return `.img-tmp-${writer.pid}-${writer.startTicks}-${scopeOf()}-${randomBytes(6).toString('hex')}`;
}

/**
 * Removes the files and links that killed processes of this host left half-written in a folder, and those of other
 * hosts after a day. What can't be looked at or removed stays.
 *
 * @param folder with a slash at its end
 * @param hasFolders whether folders are removed with all that is in them, too; not where others may change them
 */
export function sweepUnfinishedFiles(folder: Buffer, { hasFolders = false } = {}): void {
  tolerate(() => {
    using entries = opendirSync(folder);
    for (let count = 0; count < maxEntries; count += 1) {
      const name = entries.readSync()?.name;
      if (name === undefined) return;
      const [, pid, startTicks, scope] = pattern.exec(name) ?? [];
      if (scope === undefined) continue;
      const path = Buffer.concat([folder, Buffer.from(name)]);
      tolerate(() => {
        const stat = lstatSync(path);
        if (stat.isDirectory() && !hasFolders) return;
        const isStale =
          scope === scopeOf()
            ? identifyProcess(Number(pid))?.startTicks !== Number(startTicks)
            : stat.mtimeMs < Date.now() - longestMs;
        if (isStale) rmSync(path, { recursive: hasFolders, force: true });
      });
    }
  });
}

// What is left is in the way of nothing: what is written now has a name of its own.
function tolerate(action: () => void): void {
  try {
    action();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
  }
}

// Where and until when numbers of processes mean these.
function scopeOf(): string {
  return createHash('sha256').update(`${readBootId()} ${readPidNamespace()}`).digest('hex').slice(0, 8);
}
