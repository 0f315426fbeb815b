import { closeSync, constants, fstatSync, openSync, readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { parseTrustFile, type TrustFile } from '@img/sign/trust-file';
import { quote } from '@img/spec/quote';
import { isInOwnNamespace } from '../linux/user-namespace.ts';
import { RuntimeError } from '../runtime-error.ts';

const maxFiles = 1000;
// What the kernel shows instead of a number that a user namespace has not (proc(5), overflowuid).
const unmappedId = 65_534;
const maxFileBytes = 2 * 1024 * 1024;

/** A file of a host's trust that counts. */
export type FoundTrustFile = TrustFile & { readonly path: string; readonly name: string };

/** A file as it would be, instead of what is there. */
export type PlannedTrustFile = { readonly path: string; readonly name: string; readonly bytes: Uint8Array };

/**
 * Reads every `*.json` of the folders. A file takes the place of the file of the same name in a folder before it, so
 * an empty one masks it: `/etc/img/trust.d/vendor.json` of no bytes takes back what `/usr/lib/img/trust.d/vendor.json`
 * says. Folders that don't exist trust nobody.
 *
 * @param folders by ascending rank
 * @param planned takes the place of the files of its name, to see what a change would lead to
 * @throws RuntimeError TRUST_POLICY_INVALID
 */
export async function readTrustFiles(
  folders: readonly string[],
  planned?: PlannedTrustFile,
): Promise<readonly FoundTrustFile[]> {
  const files = new Map<string, string>();
  for (const folder of folders) {
    for (const name of listDocuments(folder)) files.set(name, join(folder, name));
  }
  if (planned !== undefined) files.set(planned.name, planned.path);
  const found: FoundTrustFile[] = [];
  for (const [, path] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const bytes = path === planned?.path ? planned.bytes : readTrusted(path);
    if (bytes.byteLength > 0) found.push(parse(path, bytes));
  }
  checkRootsOnce(found);
  return found;
}

function listDocuments(folder: string): readonly string[] {
  try {
    const names = readdirSync(folder).filter((name) => name.endsWith('.json') && !name.startsWith('.'));
    if (names.length <= maxFiles) return names;
    throw new RuntimeError(
      'TRUST_POLICY_INVALID',
      `${quote(folder)} has more than ${maxFiles} trust documents`,
    );
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

// Whoever can write the file decides what this host runs.
function readTrusted(path: string): Uint8Array {
  const file = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stat = fstatSync(file);
    const self = process.geteuid?.() ?? 0;
    if (!stat.isFile()) throw invalid(path, 'is no regular file');
    // Root of the host has no number in a user namespace; whose the files are was looked at before it was entered.
    const isForeign = stat.uid === unmappedId && isInOwnNamespace();
    if (stat.uid !== 0 && stat.uid !== self && !isForeign) {
      throw invalid(path, `belongs to user ${stat.uid}`, `make it yours with chown ${self} ${path}`);
    }
    if ((stat.mode & 0o002) !== 0) {
      throw invalid(path, 'can be written by everybody', `take that back with chmod o-w ${path}`);
    }
    if (stat.size > maxFileBytes) throw invalid(path, `has ${stat.size} bytes, more than ${maxFileBytes}`);
    return readFileSync(file);
  } finally {
    closeSync(file);
  }
}

function parse(path: string, bytes: Uint8Array): FoundTrustFile {
  try {
    return { ...parseTrustFile(path, bytes), path, name: basename(path) };
  } catch (cause) {
    throw new RuntimeError(
      'TRUST_POLICY_INVALID',
      `trust document ${quote(path)} can't be read: ${(cause as Error).message}`,
      {
        cause,
        hint: 'correct it, or mask it with an empty file of the same name in a folder of higher rank',
      },
    );
  }
}

// Which of two versions counts must not depend on the names of files.
function checkRootsOnce(files: readonly FoundTrustFile[]): void {
  const known = new Map<string, FoundTrustFile>();
  for (const file of files) {
    if (file.root === undefined) continue;
    const other = known.get(file.root.name);
    if (other !== undefined) {
      throw invalid(
        file.path,
        `is the trust root ${file.root.name}, and so is ${quote(other.path)}`,
        'remove one of the two',
      );
    }
    known.set(file.root.name, file);
  }
}

function invalid(path: string, problem: string, hint?: string): RuntimeError {
  return new RuntimeError(
    'TRUST_POLICY_INVALID',
    `trust document ${quote(path)} ${problem}`,
    hint === undefined ? {} : { hint },
  );
}
