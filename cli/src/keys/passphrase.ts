import { createReadStream } from 'node:fs';
import { collect } from '@img/spec/collect';
import { CliError } from '../cli-error.ts';
import type { Environment } from '../environment.ts';
import { TerminalPrompt } from '../terminal/terminal-prompt.ts';

const maxBytes = 4096;
const variableName = 'IMG_KEY_PASSPHRASE';

export type PassphraseSource = {
  readonly environment: Environment;
  /** An open file to read the passphrase from, up to the end of its first line; before everything else. */
  readonly fd: number | undefined;
  readonly signal: AbortSignal;
};

/**
 * The passphrase of a key: from the file descriptor, else from IMG_KEY_PASSPHRASE, else asked for on the terminal.
 *
 * @throws CliError PASSPHRASE_MISSING, CANCELLED
 */
export async function readPassphrase(keyName: string, source: PassphraseSource): Promise<string> {
  const given = await givenPassphrase(source);
  if (given !== undefined) return given;
  using prompt = openPrompt(keyName);
  return await prompt.askSecret(`Passphrase of ${keyName}: `, source);
}

/**
 * A passphrase for a new key, asked for twice. An empty one is taken only where it is given on purpose.
 *
 * @throws CliError PASSPHRASE_MISSING, USAGE if the two differ, CANCELLED
 */
export async function readNewPassphrase(keyName: string, source: PassphraseSource): Promise<string> {
  const given = await givenPassphrase(source);
  if (given !== undefined) return given;
  using prompt = openPrompt(keyName);
  const passphrase = await prompt.askSecret(`New passphrase for ${keyName}: `, source);
  if (passphrase === '') {
    throw new CliError('USAGE', 'the passphrase is empty, so whoever reads the file could sign', {
      hint: `set ${variableName} to nothing if that is what you want`,
    });
  }
  if ((await prompt.askSecret('The same again: ', source)) === passphrase) return passphrase;
  throw new CliError('USAGE', 'the two passphrases differ', { hint: 'run the command again' });
}

/** Whether nobody is asked for a passphrase. */
export function isPassphraseGiven({ environment, fd }: PassphraseSource): boolean {
  return fd !== undefined || environment.variables[variableName] !== undefined;
}

async function givenPassphrase({ environment, fd, signal }: PassphraseSource): Promise<string | undefined> {
  if (fd === undefined) return environment.variables[variableName];
  const stream = createReadStream('', { fd, autoClose: false, signal });
  const bytes = await collect(stream, maxBytes, `passphrase from file descriptor ${fd}`);
  return new TextDecoder().decode(bytes).split(/\r?\n/, 1)[0] ?? '';
}

function openPrompt(keyName: string): TerminalPrompt {
  const prompt = TerminalPrompt.open();
  if (prompt !== undefined) return prompt;
  throw new CliError(
    'PASSPHRASE_MISSING',
    `key ${keyName} needs a passphrase, and there is no terminal to ask on`,
    {
      hint: `set ${variableName}, or give an open file with --passphrase-fd 3 3<file`,
    },
  );
}
