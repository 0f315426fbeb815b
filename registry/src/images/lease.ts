import { randomBytes } from 'node:crypto';
import { type FileHandle, mkdir, open, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type Digest, isDigest } from '@img/spec/digest';
import { namesIn } from '../storage/ignore-missing.ts';
import { makeFolder } from '../storage/make-folder.ts';
import { ownProcessName, processState } from './process-name.ts';

// Nobody here can see whether a process of another namespace still runs; no transfer takes longer than this.
const foreignLeaseMs = 24 * 60 * 60 * 1000;
const digestsFile = 'digests';

/**
 * What one process works with and the garbage collector must leave alone: digests that it stored or found
 * present. Its folder also holds the process's unfinished files. It counts as long as the process runs.
 */
export class Lease implements AsyncDisposable {
  readonly folder: string;
  readonly #file: FileHandle;
  readonly #protected = new Set<Digest>();

  private constructor(folder: string, file: FileHandle) {
    this.folder = folder;
    this.#file = file;
  }

  /** @param leases the folder of all leases */
  static async open(leases: string): Promise<Lease> {
    const folder = join(leases, `${await ownProcessName()}-${randomBytes(6).toString('hex')}`);
    await makeFolder(leases);
    await mkdir(folder, { mode: 0o700 });
    return new Lease(folder, await open(join(folder, digestsFile), 'a', 0o600));
  }

  /**
   * Protects digests from now on. Look whether they are there only afterwards: the collector hides what it
   * removes before it reads the leases for the last time.
   */
  async protect(digests: Iterable<Digest>): Promise<void> {
    const added = [...digests].filter((digest) => !this.#protected.has(digest));
    if (added.length === 0) return;
    await this.#file.appendFile(`${added.join('\n')}\n`);
    for (const digest of added) this.#protected.add(digest);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#file.close();
    await rm(this.folder, { recursive: true, force: true });
  }
}

/** The digests that running processes protect. */
export async function protectedDigests(leases: string): Promise<ReadonlySet<Digest>> {
  const found = new Set<Digest>();
  for (const folder of await leaseFolders(leases)) {
    if (!(await isLive(folder))) continue;
    const text = await readFile(join(folder, digestsFile), 'utf8').catch(() => '');
    for (const line of text.split('\n')) if (isDigest(line)) found.add(line);
  }
  return found;
}

/** The folders of leases whose processes have ended without giving them back. */
export async function abandonedLeases(leases: string): Promise<readonly string[]> {
  const abandoned: string[] = [];
  for (const folder of await leaseFolders(leases)) if (!(await isLive(folder))) abandoned.push(folder);
  return abandoned;
}

async function leaseFolders(leases: string): Promise<readonly string[]> {
  return (await namesIn(leases)).map((name) => join(leases, name));
}

async function isLive(folder: string): Promise<boolean> {
  const name = folder.slice(folder.lastIndexOf('/') + 1).replace(/-[0-9a-f]+$/, '');
  const state = await processState(name);
  if (state !== 'unknown') return state === 'runs';
  const changed = await stat(join(folder, digestsFile)).catch(() => undefined);
  return changed !== undefined && changed.mtimeMs > Date.now() - foreignLeaseMs;
}
