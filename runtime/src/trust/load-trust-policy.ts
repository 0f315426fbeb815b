import { constants } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { parseTrustDocument } from '@img/sign/trust-document';
import { mergeTrustDocuments, type SourcedTrustDocument, type TrustPolicy } from '@img/sign/trust-policy';
import { quote } from '@img/spec/quote';
import { RuntimeError } from '../runtime-error.ts';

const maxFiles = 1000;
const maxFileBytes = 1024 * 1024;

/**
 * Reads what this host trusts: every `*.json` of the folders, as one policy. A file takes the place of the file of the
 * same name in a folder before it, so an empty one masks it: `/etc/img/trust.d/vendor.json` of no bytes takes
 * back what `/usr/lib/img/trust.d/vendor.json` says. Folders that don't exist trust nobody.
 *
 * @param folders by ascending rank
 * @throws RuntimeError TRUST_POLICY_INVALID; SignError POLICY_CONFLICT, POLICY_INVALID
 */
export async function loadTrustPolicy(folders: readonly string[]): Promise<TrustPolicy> {
  const files = new Map<string, string>();
  for (const folder of folders) {
    for (const name of await listDocuments(folder)) files.set(name, join(folder, name));
  }
  const documents: SourcedTrustDocument[] = [];
  for (const [, path] of [...files].sort(([a], [b]) => (a < b ? -1 : 1))) {
    const bytes = await readTrusted(path);
    if (bytes.byteLength > 0) documents.push(parse(path, bytes));
  }
  return mergeTrustDocuments(documents);
}

async function listDocuments(folder: string): Promise<readonly string[]> {
  try {
    const names = (await readdir(folder)).filter((name) => name.endsWith('.json') && !name.startsWith('.'));
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
async function readTrusted(path: string): Promise<Uint8Array> {
  const file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK);
  try {
    const stat = await file.stat();
    const self = process.geteuid?.() ?? 0;
    if (!stat.isFile()) throw invalid(path, 'is no regular file');
    if (stat.uid !== 0 && stat.uid !== self) {
      throw invalid(path, `belongs to user ${stat.uid}`, `Make it yours: chown ${self} ${path}`);
    }
    if ((stat.mode & 0o002) !== 0) {
      throw invalid(path, 'can be written by everybody', `Take that back: chmod o-w ${path}`);
    }
    if (stat.size > maxFileBytes) throw invalid(path, `has ${stat.size} bytes, more than ${maxFileBytes}`);
    return await file.readFile();
  } finally {
    await file.close();
  }
}

function parse(path: string, bytes: Uint8Array): SourcedTrustDocument {
  try {
    return { source: path, document: parseTrustDocument(bytes) };
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

function invalid(path: string, problem: string, hint?: string): RuntimeError {
  return new RuntimeError(
    'TRUST_POLICY_INVALID',
    `trust document ${quote(path)} ${problem}`,
    hint === undefined ? {} : { hint },
  );
}
