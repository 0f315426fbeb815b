import { posix } from 'node:path';
import type { DraftFile } from './image-draft.ts';

/** What a copy is about, with variables replaced. */
export type Copy = {
  readonly line: number;
  /** As it is written. */
  readonly written: string;
  readonly sources: readonly string[];
  /** Absolute; with a slash at its end if something goes into it. */
  readonly to: string;
  readonly mode: string | undefined;
  readonly owner: string | undefined;
};

/** A path below the folder, as Docker takes it: nothing leads out of it. */
export function sourcePath(text: string): string {
  return posix.normalize(`/${text}`).slice(1).replace(/\/$/, '') || '.';
}

/** What a copy puts into the image. */
export function fileOf({ line, to, mode, owner }: Copy, from: string, kind: 'file' | 'folder'): DraftFile {
  return {
    line,
    from,
    // A folder's content goes into the folder in both languages.
    to: kind === 'folder' && !to.endsWith('/') ? `${to}/` : to,
    mode,
    owner,
    isFolder: kind === 'folder',
  };
}

/** Files that packages bring, by what images are often asked for them. */
export function packageOfFile(path: string): string | undefined {
  if (/^\/etc\/ssl\/certs(?:\/|$)|\/ca-certificates\.crt$/.test(path)) return 'ca-certificates';
  return /^\/usr\/(?:share|lib)\/zoneinfo(?:\/|$)/.test(path) ? 'tzdata' : undefined;
}

/** Where the file itself is in the image. */
export function destinationOf({
  to,
  from,
  isFolder,
}: {
  to: string;
  from: string;
  isFolder: boolean;
}): string {
  if (isFolder) return to === '/' ? to : to.replace(/\/$/, '');
  return to.endsWith('/') ? posix.join(to, posix.basename(from)) : to;
}
