import { type Command, InvalidArgumentError } from 'commander';
import type { Session } from '../command.ts';
import type { PassphraseSource } from './passphrase.ts';

export type PassphraseOptions = { readonly passphraseFd?: number };

export function addPassphraseOption(command: Command): void {
  command.option(
    '--passphrase-fd <number>',
    'read the passphrase from an open file; else IMG_KEY_PASSPHRASE is taken, or you are asked',
    parseFd,
  );
}

export function passphraseSource(
  { environment, signal }: Session,
  { passphraseFd }: PassphraseOptions,
): PassphraseSource {
  return { environment, signal, fd: passphraseFd };
}

function parseFd(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('It should be the number of an open file, such as 3.');
}
