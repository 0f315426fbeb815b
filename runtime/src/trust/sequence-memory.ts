import { createHash } from 'node:crypto';
import { constants, readdirSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { makeFolder } from '@img/registry/storage/make-folder';
import { syncFolder } from '@img/registry/storage/write-file-atomic';
import type { Remembered } from '@img/sign/decision';
import { parseDigest } from '@img/spec/digest';
import { parseJson } from '@img/spec/json';
import { JsonFields } from '@img/spec/json-fields';
import { quote } from '@img/spec/quote';
import type { RepositoryName } from '@img/spec/repository-name';
import type { Tag } from '@img/spec/tag';
import { sweepTemporaries, Temporary } from '../layers/temporary.ts';
import { RuntimeError } from '../runtime-error.ts';

/** A tag of a repository, whichever registry it came from. */
export type RememberedName = { readonly repository: RepositoryName; readonly tag: Tag };

const maxFileBytes = 4096;

/**
 * The newest statement that this host has accepted per tag, so that nobody can bring back an older image. It never goes
 * down: each number is a file of its own, the highest one counts, and a file is removed only when a higher one
 * is durable. So it needs no lock, and a kill at any instant leaves it as it was or as it shall be.
 *
 *     <folder>/<sha256 of repository:tag>/<number in 16 digits>   {"repository", "tag", "sequence", "digest", "check"}
 */
export class SequenceMemory {
  readonly #folder: string;

  /** @param folder is created with the first entry */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * What was accepted last.
   *
   * @throws RuntimeError TRUST_MEMORY_INVALID if it is damaged: a host that has forgotten must not accept anything
   */
  async recall(name: RememberedName): Promise<Remembered | undefined> {
    const folder = this.#folderOf(name);
    const highest = listNumbers(folder).at(-1);
    if (highest === undefined) return undefined;
    try {
      return readEntry(join(folder, highest), name, highest);
    } catch (error) {
      // Another command has accepted a newer one in the meantime.
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return this.recall(name);
      throw error;
    }
  }

  /**
   * Remembers a statement; durable when it returns. One that is not newer than what is known changes nothing.
   *
   * @throws RuntimeError NOT_TRUSTED if another command has just accepted another digest under this number
   */
  async remember(name: RememberedName, { sequence, digest }: Remembered): Promise<void> {
    const folder = this.#folderOf(name);
    const known = await this.recall(name);
    if (known !== undefined && known.sequence > sequence) return;
    if (known?.sequence === sequence) {
      if (known.digest !== digest) throw reused(name, sequence, known);
      return;
    }
    await makeFolder(folder, 0o755);
    const number = String(sequence).padStart(16, '0');
    if (!(await this.#create(folder, number, encodeEntry(name, { sequence, digest })))) {
      const other = readEntry(join(folder, number), name, number);
      if (other.digest !== digest) throw reused(name, sequence, other);
    }
    await removeOlder(folder, number);
  }

  /** Removes what killed commands left unfinished. */
  async sweep(): Promise<void> {
    await sweepTemporaries(this.#folder);
  }

  /** @returns whether there was none */
  async #create(folder: string, number: string, content: string): Promise<boolean> {
    await using temporary = await Temporary.file(this.#folder);
    await temporary.handle.writeFile(content);
    await temporary.handle.chmod(0o644);
    const isNew = await temporary.commitNew(join(basename(folder), number));
    await syncFolder(folder);
    return isNew;
  }

  #folderOf({ repository, tag }: RememberedName): string {
    return join(this.#folder, createHash('sha256').update(`${repository}:${tag}`).digest('hex'));
  }
}

function encodeEntry(name: RememberedName, remembered: Remembered): string {
  return JSON.stringify({ ...name, ...remembered, check: checkOf(name, remembered) });
}

// A disk that errs must not look as if the signers contradicted each other.
function checkOf({ repository, tag }: RememberedName, { sequence, digest }: Remembered): string {
  return createHash('sha256')
    .update(JSON.stringify([repository, tag, sequence, digest]))
    .digest('hex');
}

function listNumbers(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
      .filter((name) => /^\d{16}$/.test(name))
      .sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

function readEntry(path: string, name: RememberedName, number: string): Remembered {
  // Nobody waits for who would write into a pipe that was put in its place.
  const bytes = readFileSync(path, { flag: constants.O_RDONLY | constants.O_NONBLOCK });
  try {
    const fields = new JsonFields(parseJson(bytes, { maxBytes: maxFileBytes }), 'entry', 'CONFIG_INVALID');
    const sequence = fields.integer('sequence', 1);
    const isAsNamed =
      fields.string('repository') === name.repository &&
      fields.string('tag') === name.tag &&
      sequence === Number(number);
    if (!isAsNamed) throw new Error('it is about something else than its place says');
    const digest = parseDigest(fields.string('digest'));
    const expected = checkOf(name, { sequence, digest });
    // The first versions wrote none.
    if ((fields.optionalString('check') ?? expected) !== expected) throw new Error('it was changed');
    return { sequence, digest };
  } catch (cause) {
    throw new RuntimeError(
      'TRUST_MEMORY_INVALID',
      `what this host remembers of ${name.repository}:${name.tag} in ${quote(path)} is damaged: ${(cause as Error).message}`,
      { cause, hint: `if you know why, remove the file: from then on older images of the tag are accepted` },
    );
  }
}

async function removeOlder(folder: string, number: string): Promise<void> {
  for (const name of readdirSync(folder)) {
    if (/^\d{16}$/.test(name) && name < number) await rm(join(folder, name), { force: true });
  }
}

function reused({ repository, tag }: RememberedName, sequence: number, known: Remembered): RuntimeError {
  return new RuntimeError(
    'NOT_TRUSTED',
    `${repository}:${tag} has two statements with the number ${sequence}: this host has accepted ${known.digest}`,
    { hint: 'somebody whose key is trusted has signed two images under one number: ask who and why' },
  );
}
