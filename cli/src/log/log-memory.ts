import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { makeFolder } from '@img/registry/storage/make-folder';
import { writeFileAtomic } from '@img/registry/storage/write-file-atomic';
import { parseCheckpoint } from '@img/sign/log/checkpoint';
import { parseNoteKey } from '@img/sign/log/note-key';
import { parseNote } from '@img/sign/log/signed-note';
import { parseJson } from '@img/spec/json';
import { JsonFields } from '@img/spec/json-fields';
import { quote } from '@img/spec/quote';
import { CliError } from '../cli-error.ts';
import { readSmallFile } from '../read-small-file.ts';

/** What this host has seen of a log. */
export type SeenLog = {
  /** The key that it had when it was seen first. */
  readonly key: string;
  /** The checkpoint up to which everything was read and was as the log has signed it; undefined before the first. */
  readonly checkpoint: string | undefined;
  /** Entries that nobody has looked at yet, by keys of this user, and not made here. */
  readonly alarms: readonly number[];
};

const maxBytes = 1024 * 1024;
const maxAlarms = 1000;

/** Remembers logs, one file for each. */
export class LogMemory {
  readonly #folder: string;

  /** @param folder is made with the first log */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** @throws CliError CONFIG_INVALID if what is remembered is damaged: a host that has forgotten notices nothing */
  async recall(name: string): Promise<SeenLog | undefined> {
    const path = this.#pathOf(name);
    const bytes = await readSmallFile(path, { maxBytes });
    if (bytes === undefined) return undefined;
    try {
      const fields = new JsonFields(parseJson(bytes, { maxBytes }), 'file', 'JSON_INVALID');
      const checkpoint = fields.optionalString('checkpoint', Number.POSITIVE_INFINITY);
      const key = fields.string('key');
      const origin = checkpoint === undefined ? name : parseCheckpoint(parseNote(checkpoint).text).origin;
      if (parseNoteKey(key).name !== name || origin !== name) throw new Error('it is about another log');
      return { key, checkpoint, alarms: fields.array('alarms', maxAlarms).map(Number) };
    } catch (cause) {
      throw new CliError(
        'CONFIG_INVALID',
        `what this host has seen of ${name} in ${quote(path)} is damaged: ${(cause as Error).message}`,
        { cause, hint: 'if you know why, remove the file: the log is then read from its first entry on' },
      );
    }
  }

  /** Durable when it returns. */
  async remember(name: string, seen: SeenLog): Promise<void> {
    await makeFolder(this.#folder, 0o755);
    const document = { log: name, ...seen, alarms: seen.alarms.slice(0, maxAlarms) };
    await writeFileAtomic(this.#pathOf(name), `${JSON.stringify(document, null, 2)}\n`);
  }

  #pathOf(name: string): string {
    return join(this.#folder, `${createHash('sha256').update(name).digest('hex')}.json`);
  }
}
