import { lstatSync, readFileSync, utimesSync, writeFileSync } from 'node:fs';

/** Changes one bit of a file in place. */
export function flip(file: string, at: number): void {
  const bytes = readFileSync(file);
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  writeFileSync(file, bytes);
}

/** Puts the times of a file or folder back after an action, as somebody would who wants to stay unnoticed. */
export function keepTime(path: string, action: () => void): void {
  const { atime, mtime } = lstatSync(path);
  action();
  utimesSync(path, atime, mtime);
}
