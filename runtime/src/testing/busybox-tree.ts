import { copyFileSync, linkSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { findProgram } from '@img/sign/testing/needs';

const applets =
  'cat echo env false find grep head id ip kill ln ls mkdir mknod mount nc pwd readlink sh sleep stat touch true unshare wc yes'.split(
    ' ',
  );

/** What a file of a test tree is: text, or where a link leads. */
export type TreeFile = string | { readonly link: string };

/**
 * Makes the smallest tree that can run a shell: one static busybox under several names, and the files given.
 *
 * @param files by path without a leading slash
 */
export function makeBusyboxTree(folder: string, files: { readonly [path: string]: TreeFile } = {}): void {
  const busybox = findProgram('busybox');
  if (busybox === undefined) throw new Error('busybox (Debian package busybox-static) is not installed');
  mkdirSync(join(folder, 'bin'), { recursive: true });
  copyFileSync(busybox, join(folder, 'bin/busybox'));
  for (const applet of applets) linkSync(join(folder, 'bin/busybox'), join(folder, 'bin', applet));
  for (const [path, file] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    if (typeof file === 'string') writeFileSync(join(folder, path), file);
    else symlinkSync(file.link, join(folder, path));
  }
}
