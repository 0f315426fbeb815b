import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import type { ExecutionContext } from 'ava';
import { type ConvertedPackage, convertDeb } from '../deb/convert-deb.ts';
import { readDeb } from '../deb/read-deb.ts';
import { type DebMember, type DebParts, makeDeb } from './make-deb.ts';

/** Builds a .deb and converts it. */
export async function convert(t: ExecutionContext, parts: DebParts): Promise<ConvertedPackage> {
  const folder = temporaryFolder(t);
  const made = await makeDeb({ compression: 'none', ...parts });
  await writeFile(join(folder, 'a.deb'), made.bytes);
  const content = await readDeb(join(folder, 'a.deb'), made.package, { temporaryFolder: folder });
  t.teardown(() => content[Symbol.asyncDispose]());
  return await convertDeb(content, made.package);
}

export const file = (name: string, content = '', rest: Partial<DebMember> = {}): DebMember => ({
  name,
  content,
  ...rest,
});
export const folder = (name: string, rest: Partial<DebMember> = {}): DebMember => ({
  name,
  type: 'directory',
  ...rest,
});
export const link = (name: string, linkname: string): DebMember => ({
  name,
  type: 'symlink',
  linkname,
  mode: 0o777,
});
export const hardLink = (name: string, linkname: string): DebMember => ({
  name,
  type: 'link',
  linkname,
  mode: 0o644,
});
