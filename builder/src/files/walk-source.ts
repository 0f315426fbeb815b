import { type Dirent, lstatSync } from 'node:fs';
import { lstat, readdir, readlink, realpath } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { nearest } from '@img/spec/nearest';
import { quote } from '@img/spec/quote';
import { BuilderError } from '../builder-error.ts';
import type { IgnoreRules } from './ignore-rules.ts';
import { unreadable } from './read-source.ts';

/** A file, folder or link that goes into an image. */
export type SourceEntry = {
  /** Relative to what is copied, `/` between the parts; empty for what is copied itself. */
  readonly path: string;
  readonly type: 'file' | 'directory' | 'symlink';
  /** Whether its owner may execute it, the one permission that version control keeps too. */
  readonly isExecutable: boolean;
  readonly sizeBytes: number;
  readonly linkTarget?: string;
  /** Where it is on this machine. */
  readonly location: string;
};

/**
 * What is copied by a rule that names a path below a folder: one file, or a folder and everything in it that
 * the rules don't leave out. Sorted by path, folders before what is in them. Links are not followed, except
 * for one that the rule names itself.
 *
 * @param folder the folder of the img.yaml
 * @param from below it, normalised; `.` is the folder itself
 * @throws BuilderError SOURCE_MISSING, SOURCE_UNREADABLE, and SOURCE_UNSAFE for links that lead out of what is copied, for devices,
 *   sockets and pipes, and for names that are not UTF-8
 */
export async function walkSource(
  folder: string,
  from: string,
  rules: IgnoreRules,
): Promise<readonly SourceEntry[]> {
  const location = await locate(folder, from);
  const prefix = from === '.' ? '' : from;
  const status = await lstat(location);
  if (status.isFile()) {
    return [
      { path: '', type: 'file', isExecutable: isExecutable(status.mode), sizeBytes: status.size, location },
    ];
  }
  if (!status.isDirectory()) throw unsafe(from, describe(status));
  const entries = await walkFolder({ location, path: '', ignorePath: prefix, rules, isIgnored: false });
  return [{ path: '', type: 'directory', isExecutable: true, sizeBytes: 0, location }, ...entries];
}

/** The real place of a path, which must not be outside of the folder. */
async function locate(folder: string, from: string): Promise<string> {
  const root = await realpath(folder);
  try {
    const location = await realpath(join(root, from));
    if (location === root || location.startsWith(`${root === '/' ? '' : root}/`)) return location;
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EACCES') throw unreadable(from, cause);
    const names = await readdir(join(root, from, '..')).catch(() => []);
    const similar = nearest(basename(from), names);
    throw new BuilderError('SOURCE_MISSING', `${quote(from)} is not in ${root}`, {
      cause,
      hint:
        similar === undefined
          ? 'paths are relative to the folder of the img.yaml'
          : `did you mean ${quote(similar)}?`,
    });
  }
  throw new BuilderError('SOURCE_UNSAFE', `${quote(from)} is a link that leads out of ${root}`, {
    hint: 'copy what it leads to into the folder: the folder alone decides what an image becomes',
  });
}

type Folder = {
  readonly location: string;
  /** Relative to what is copied. */
  readonly path: string;
  /** Relative to the folder of the img.yaml, as ignore rules see it. */
  readonly ignorePath: string;
  readonly rules: IgnoreRules;
  /** Whether the folder itself is left out, so that only exceptions below it count. */
  readonly isIgnored: boolean;
};

async function walkFolder(folder: Folder): Promise<readonly SourceEntry[]> {
  const children = await listFolder(folder.location);
  const named = children.map((child) => ({ child, name: decodeName(child, folder) }));
  named.sort((a, b) => (a.name < b.name ? -1 : 1));
  const result: SourceEntry[] = [];
  for (const { child, name } of named) {
    const below: Folder = {
      ...folder,
      location: join(folder.location, name),
      path: folder.path === '' ? name : `${folder.path}/${name}`,
      ignorePath: folder.ignorePath === '' ? name : `${folder.ignorePath}/${name}`,
    };
    const isIgnored = folder.rules.ignores(below.ignorePath);
    if (child.isDirectory()) {
      const inside =
        isIgnored && !folder.rules.hasExceptions ? [] : await walkFolder({ ...below, isIgnored });
      // A folder that is left out is there all the same if something in it is not.
      if (isIgnored && inside.length === 0) continue;
      const { path, location } = below;
      result.push({ path, type: 'directory', isExecutable: true, sizeBytes: 0, location }, ...inside);
    } else if (!isIgnored) {
      result.push(await leaf(below));
    }
  }
  return result;
}

async function listFolder(location: string): Promise<readonly Dirent<Buffer>[]> {
  try {
    return await readdir(location, { withFileTypes: true, encoding: 'buffer' });
  } catch (cause) {
    throw unreadable(location, cause);
  }
}

async function leaf({ location, path, ignorePath }: Folder): Promise<SourceEntry> {
  // Waiting for the answer would take longer than the call.
  const status = lstatSync(location);
  if (status.isFile()) {
    return { path, type: 'file', isExecutable: isExecutable(status.mode), sizeBytes: status.size, location };
  }
  if (!status.isSymbolicLink()) throw unsafe(ignorePath, describe(status));
  const linkTarget = decode(await readlink(location, 'buffer'), ignorePath);
  if (leadsOut(path, linkTarget)) {
    throw unsafe(ignorePath, `a link to ${quote(linkTarget)}, which leads out of what is copied`);
  }
  return { path, type: 'symlink', isExecutable: true, sizeBytes: 0, linkTarget, location };
}

/** Whether a link's target is absolute or climbs above what is copied, by its text. */
function leadsOut(path: string, target: string): boolean {
  if (target.startsWith('/')) return true;
  let depth = path.split('/').length - 1;
  for (const part of target.split('/')) {
    if (part === '..') depth -= 1;
    else if (part !== '' && part !== '.') depth += 1;
    if (depth < 0) return true;
  }
  return false;
}

function decodeName(child: Dirent<Buffer>, folder: Folder): string {
  return decode(child.name, `${folder.ignorePath}/…`);
}

function decode(bytes: Buffer, path: string): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    const message = `${quote(path)} has the name ${quote(bytes.toString('latin1'))}, which is not UTF-8`;
    throw new BuilderError('SOURCE_UNSAFE', message, { cause });
  }
}

function isExecutable(mode: number): boolean {
  return (mode & 0o100) !== 0;
}

function describe(status: Awaited<ReturnType<typeof lstat>>): string {
  if (status.isSocket()) return 'a socket';
  if (status.isFIFO()) return 'a named pipe';
  return status.isBlockDevice() || status.isCharacterDevice() ? 'a device' : 'something else than a file';
}

function unsafe(path: string, what: string): BuilderError {
  return new BuilderError('SOURCE_UNSAFE', `${quote(path)} is ${what}; it can't go into an image`, {
    hint: 'remove it, or name it in .imgignore to leave it out',
  });
}
