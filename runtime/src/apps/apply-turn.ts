import { createHash } from 'node:crypto';
import { type FileHandle, lstat, open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { makeFolder } from '@img/registry/storage/make-folder';
import { tryLock } from '../linux/file-lock.ts';

const betweenTriesMs = 100;
// Longer than the clock of files stands still on any Linux, which is up to 10 ms before Linux 6.13 and on some file
// systems.
const clockTickMs = 20;
// Somebody who writes all the time is not waited for.
const maxLooks = 10;

export type ApplyTurnOptions = {
  /** Called once if another command's turn has to end first. */
  readonly onWait?: () => void;
  readonly signal?: AbortSignal;
};

/**
 * The right to give a host what a folder asks for; one command has it at a time, so that no two of them do the same
 * thing twice. It remembers, until the host is started anew, what of the folder was read last. Dispose of it; the
 * kernel gives it back if the process is killed.
 */
export class ApplyTurn implements AsyncDisposable {
  readonly #file: FileHandle;
  readonly #folder: string;

  private constructor(file: FileHandle, folder: string) {
    this.#file = file;
    this.#folder = folder;
  }

  /**
   * Waits for the turn.
   *
   * @param run for locks, such as /run/img/apps
   * @param folder absolute
   * @throws the signal's reason
   */
  static async take(run: string, folder: string, options: ApplyTurnOptions = {}): Promise<ApplyTurn> {
    await makeFolder(run);
    const name = createHash('sha256').update(folder).digest('hex').slice(0, 16);
    // The second dot keeps it apart from the locks of apps.
    const file = await open(join(run, `${name}.apply.lock`), 'a+', 0o600);
    try {
      let isWaiting = false;
      while (!tryLock(file.fd)) {
        if (!isWaiting) options.onWait?.();
        isWaiting = true;
        await delay(betweenTriesMs, undefined, { signal: options.signal });
      }
    } catch (error) {
      await file.close();
      throw options.signal?.aborted === true ? options.signal.reason : error;
    }
    return new ApplyTurn(file, folder);
  }

  /** Whether no turn has seen the folder as it is now. A folder that can't be read is new, so that somebody says so. */
  async hasNews(): Promise<boolean> {
    const seen = Buffer.alloc(64);
    await this.#file.read(seen, 0, seen.length, 0);
    const now = await fingerprint(this.#folder);
    return now === undefined || seen.toString('latin1') !== now.hash;
  }

  /** Notes what the folder is now. Read it after this: what changes while it is read is news then. */
  async look(): Promise<void> {
    const now = await settledFingerprint(this.#folder);
    await this.#file.truncate(0);
    if (now !== undefined) await this.#file.write(now);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
  }
}

/** What any later change will change; undefined if the folder can't be read, or is written all the time. */
async function settledFingerprint(folder: string): Promise<string | undefined> {
  for (let looks = 0; looks < maxLooks; looks += 1) {
    const now = await fingerprint(folder);
    // What was changed just now may be changed again at the same time by its clock.
    if (now === undefined || Math.abs(Date.now() - now.changedMs) > clockTickMs) return now?.hash;
    await delay(clockTickMs);
  }
  return undefined;
}

type Fingerprint = {
  readonly hash: string;
  /** When the last change was, since 1970. */
  readonly changedMs: number;
};

// Names, places and times of the files: cheaper than reading them, and whoever writes one changes its time.
async function fingerprint(folder: string): Promise<Fingerprint | undefined> {
  const hash = createHash('sha256');
  let changedMs = 0;
  try {
    for (const name of (await readdir(folder)).sort()) {
      const status = await lstat(join(folder, name), { bigint: true });
      const { dev, ino, size, mtimeNs, ctimeNs } = status;
      hash.update(JSON.stringify([name, ...[dev, ino, size, mtimeNs, ctimeNs].map(String)]));
      changedMs = Math.max(changedMs, Number(status.ctimeMs));
    }
  } catch {
    return undefined;
  }
  return { hash: hash.digest('hex'), changedMs };
}
