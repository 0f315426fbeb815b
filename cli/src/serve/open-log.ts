import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import type { RegistryOptions } from '@img/registry/server/registry-options';
import { quote } from '@img/spec/quote';
import { CliError } from '../cli-error.ts';
import type { Output } from '../output/output.ts';

/** Where the lines of a log go. Disposing of it waits until all are written. */
export type LogStream = AsyncDisposable & NonNullable<RegistryOptions['log']>;

/**
 * Opens a log: the end of a file, which any number of processes may write to, or for `-` stderr.
 *
 * @throws CliError USAGE for a file that can't be written to
 */
export async function openLog(file: string, output: Output): Promise<LogStream> {
  if (file === '-') {
    // What clients send is in these lines, too.
    return { write: (line) => output.error([line.trimEnd()]), [Symbol.asyncDispose]: async () => undefined };
  }
  const stream = createWriteStream(file, { flags: 'a', mode: 0o600 });
  try {
    await once(stream, 'open');
  } catch (cause) {
    throw new CliError('USAGE', `can't write a log to ${quote(file)}: ${(cause as Error).message}`, {
      cause,
      hint: 'name a file in a folder that you may write to, or - for stderr',
    });
  }
  return {
    write: (line) => void stream.write(line),
    [Symbol.asyncDispose]: async () => {
      const closed = once(stream, 'close');
      stream.end();
      await closed;
    },
  };
}
