import { type FileHandle, open } from 'node:fs/promises';
import type { RegistryOptions } from '@img/registry/server/registry-options';
import { quote } from '@img/spec/quote';
import { CliError } from '../cli-error.ts';
import type { Output } from '../output/output.ts';

/** Where the lines of a log go. Disposing of it waits until all are written. */
export type LogStream = AsyncDisposable & NonNullable<RegistryOptions['log']>;

/**
 * Opens a log: the end of a file, which any number of processes may write to, or for `-` stderr. Lines that can't be
 * written are lost, which is said once until others can be.
 *
 * @throws CliError USAGE for a file that can't be written to
 */
export async function openLog(file: string, output: Output): Promise<LogStream> {
  if (file === '-') {
    // What clients send is in these lines, too.
    return { write: (line) => output.error([line.trimEnd()]), [Symbol.asyncDispose]: async () => undefined };
  }
  const handle = await openFile(file);
  let waiting = '';
  let writing: Promise<void> | undefined;
  let isLosing = false;
  const writeWaiting = async (): Promise<void> => {
    while (waiting !== '') {
      const lines = waiting;
      waiting = '';
      try {
        await handle.appendFile(lines);
        isLosing = false;
      } catch (error) {
        // A registry must not end, or be slower, because the disk of its log is full.
        if (!isLosing) output.warn(`lines of the log ${quote(file)} are lost: ${(error as Error).message}`);
        isLosing = true;
      }
    }
    writing = undefined;
  };
  return {
    write: (line) => {
      waiting += line;
      writing ??= writeWaiting();
    },
    [Symbol.asyncDispose]: async () => {
      await writing;
      await handle.close();
    },
  };
}

async function openFile(file: string): Promise<FileHandle> {
  try {
    return await open(file, 'a', 0o600);
  } catch (cause) {
    throw new CliError('USAGE', `can't write a log to ${quote(file)}: ${(cause as Error).message}`, {
      cause,
      hint: 'name a file in a folder that you may write to, or - for stderr',
    });
  }
}
