import { Buffer } from 'node:buffer';

/** How much of a program is looked at; Linux reads no more of a first line either (binfmt_script). */
export const shebangBytes = 256;

/**
 * The program that a script names in its first line, for example `/bin/sh`; behind `env`, the name that it
 * looks up, for example `python3`. Undefined if the bytes are not the beginning of a script.
 */
export function readShebang(beginning: Uint8Array): string | undefined {
  if (beginning[0] !== 0x23 || beginning[1] !== 0x21) return undefined;
  const line = Buffer.from(beginning).toString('latin1', 2).split('\n', 1)[0] ?? '';
  const [interpreter = '', ...args] = line.trim().split(/[ \t]+/);
  if (!/^\/[\w.+/-]+$/.test(interpreter)) return undefined;
  if (!interpreter.endsWith('/env')) return interpreter;
  return args.find((arg) => !arg.startsWith('-') && !arg.includes('='));
}
