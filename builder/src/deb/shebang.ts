import { Buffer } from 'node:buffer';

/** How much of a program is looked at; Linux reads no more of a first line either (binfmt_script). */
export const shebangBytes = 256;

/** What a script's first line says. */
export type Shebang = {
  /** The program that runs it, for example `/bin/sh` or `/usr/bin/env`. */
  readonly interpreter: string;
  /** Behind env, the name of the program that it looks up, for example `python3`. */
  readonly lookedUp?: string;
};

/** Reads the first line of a script; undefined if the bytes are not the beginning of one. */
export function readShebang(beginning: Uint8Array): Shebang | undefined {
  if (beginning[0] !== 0x23 || beginning[1] !== 0x21) return undefined;
  const line = Buffer.from(beginning.subarray(0, shebangBytes)).toString('latin1', 2).split('\n', 1)[0] ?? '';
  const [interpreter = '', ...args] = line.trim().split(/[ \t]+/);
  if (!/^\/[\w.+/-]+$/.test(interpreter)) return undefined;
  const lookedUp = args.find((arg) => !arg.startsWith('-') && !arg.includes('='));
  const isLookUp = interpreter.endsWith('/env') && lookedUp !== undefined && /^[\w.+-]+$/.test(lookedUp);
  return isLookUp ? { interpreter, lookedUp } : { interpreter };
}
