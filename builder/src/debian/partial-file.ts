import { randomBytes } from 'node:crypto';
import { type FileHandle, open, readdir, readFile, readlink, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { threadId } from 'node:worker_threads';
import { type Digest, Digester, digestAlgorithm, digestHex } from '@img/spec/digest';

/** A download that nothing was added to for so long is nobody's, wherever its process runs. */
const abandonedMs = 10 * 60 * 1000;

/** After this nobody will ask for the rest either. */
const keptMs = 7 * 24 * 60 * 60 * 1000;

/** Downloads of this thread that are under way, by path. */
const active = new Set<string>();

/**
 * A download that isn't complete. It belongs to one process, whose name it carries; what a process that was killed
 * left behind is taken over and continued.
 */
export class PartialFile {
  readonly #path: string;
  readonly #handle: FileHandle;
  readonly #digest: Digest;
  #digester: Digester;
  #size = 0;

  private constructor(path: string, handle: FileHandle, digest: Digest) {
    this.#path = path;
    this.#handle = handle;
    this.#digest = digest;
    this.#digester = new Digester(digestAlgorithm(digest));
  }

  /**
   * Opens the rest of an earlier download of this content, or a new file; `await using` closes it.
   *
   * @param folder for unfinished downloads only; must exist
   */
  static async open(folder: string, digest: Digest): Promise<PartialFile> {
    const path = join(folder, `${digestHex(digest)}.${await ownName()}-${randomBytes(4).toString('hex')}`);
    active.add(path);
    await takeOver(folder, digestHex(digest), path);
    const file = new PartialFile(path, await open(path, 'a+'), digest);
    await file.#readWhatIsThere();
    return file;
  }

  /** Bytes that are there already. */
  get size(): number {
    return this.#size;
  }

  async append(chunk: Uint8Array): Promise<void> {
    this.#digester.update(chunk);
    await this.#handle.appendFile(chunk);
    this.#size += chunk.byteLength;
  }

  async clear(): Promise<void> {
    await this.#handle.truncate(0);
    this.#digester = new Digester(digestAlgorithm(this.#digest));
    this.#size = 0;
  }

  /** Puts the file, durable, under its final name if it has the right digest; else it is gone. Whether it had. */
  async commit(target: string): Promise<boolean> {
    const isRight = this.#digester.digest() === this.#digest;
    if (isRight) {
      await this.#handle.sync();
      await rename(this.#path, target);
    } else {
      await rm(this.#path);
    }
    return isRight;
  }

  /** Leaves what isn't committed for the next download of the same content. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.#handle.close();
    if (this.#size === 0) await rm(this.#path, { force: true });
    active.delete(this.#path);
  }

  async #readWhatIsThere(): Promise<void> {
    const stream = this.#handle.createReadStream({ start: 0, autoClose: false });
    for await (const chunk of stream as AsyncIterable<Uint8Array>) {
      this.#digester.update(chunk);
      this.#size += chunk.byteLength;
    }
  }
}

/** Removes what was left behind long ago. */
export async function removeOldPartialFiles(folder: string): Promise<void> {
  for (const name of await readdir(folder)) {
    const path = join(folder, name);
    if ((await ageOf(path)) > keptMs) await rm(path, { force: true });
  }
}

/** Gives the largest abandoned download of the content our own name; only one process can succeed with each. */
async function takeOver(folder: string, hex: string, path: string): Promise<void> {
  const found: { path: string; size: number }[] = [];
  for (const name of await readdir(folder)) {
    const other = join(folder, name);
    if (!name.startsWith(`${hex}.`) || !(await isAbandoned(other, name.slice(hex.length + 1)))) continue;
    found.push({ path: other, size: (await stat(other).catch(() => undefined))?.size ?? 0 });
  }
  for (const candidate of found.sort((a, b) => b.size - a.size)) {
    const isOurs = await rename(candidate.path, path).then(
      () => true,
      () => false,
    );
    if (isOurs) return;
  }
}

async function isAbandoned(path: string, owner: string): Promise<boolean> {
  const own = await ownName();
  if (owner.startsWith(`${own}-`)) return !active.has(path);
  const [namespace, pid = '', startTime] = owner.split('-');
  const isNeighbour = !own.startsWith('unknown-') && own.startsWith(`${namespace}-`);
  return isNeighbour ? (await startTimeOf(pid)) !== startTime : (await ageOf(path)) > abandonedMs;
}

async function ageOf(path: string): Promise<number> {
  const modified = (await stat(path).catch(() => undefined))?.mtimeMs;
  return modified === undefined ? 0 : Date.now() - modified;
}

/**
 * Namespace of process numbers, process number, start time, thread: what another process has to look at to see
 * whether this one is still there, and never the same again until the machine restarts.
 */
async function ownName(): Promise<string> {
  const namespace = await readlink('/proc/self/ns/pid').catch(() => '');
  const startTime = await startTimeOf(String(process.pid));
  const [inode = 'unknown'] = /\d+/.exec(namespace) ?? [];
  return `${startTime === undefined ? 'unknown' : inode}-${process.pid}-${startTime ?? 0}-${threadId}`;
}

// proc_pid_stat(5): the command is in parentheses and may have spaces; the start time is the 20th field after it.
async function startTimeOf(pid: string): Promise<string | undefined> {
  if (!/^\d+$/.test(pid)) return undefined;
  const text = await readFile(`/proc/${pid}/stat`, 'utf8').catch(() => undefined);
  return text?.slice(text.lastIndexOf(')') + 2).split(' ')[19];
}
