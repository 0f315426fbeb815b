import { isDigest } from '@img/spec/digest';
import { latestSeconds } from '../deb/convert-deb.ts';
import type { LayerBlob } from '../layers/write-layer.ts';
import type { PackageRecord } from './package-records.ts';

/** Records as JSON. */
export type PlainRecords = {
  readonly packages: readonly (readonly [LayerBlob['digest'], PackageRecord])[];
  readonly layers: readonly LayerBlob[];
};

type Fields = { readonly [key: string]: unknown };

/**
 * Whether JSON has the shape of records, down to its leaves: a lock may come from anybody, and what is in its records
 * becomes names of files, limits and times.
 */
export function isRecords(value: unknown): value is PlainRecords {
  if (!isFields(value)) return false;
  return isListOf(value['packages'], isPackage) && isListOf(value['layers'], isBlob);
}

function isPackage(value: unknown): boolean {
  if (!Array.isArray(value)) return false;
  const [digest, record] = value as unknown[];
  return isText(digest) && isDigest(digest) && isBlob(record) && isNotes((record as Fields)['notes']);
}

// They are locked as zstd has compressed them.
function isBlob(value: unknown): boolean {
  if (!isFields(value)) return false;
  const { diffId, digest, compression, tarBytes, sizeBytes } = value;
  const areDigests = [diffId, digest].every((each) => isText(each) && isDigest(each));
  return areDigests && compression === 'zstd' && isCount(tarBytes) && isCount(sizeBytes);
}

function isNotes(value: unknown): boolean {
  if (!isFields(value)) return false;
  const { builtSeconds, alternatives, scripts, entries, texts } = value;
  return (
    isCount(builtSeconds) &&
    builtSeconds <= latestSeconds &&
    isListOf(alternatives, isAlternative) &&
    isListOf(scripts, isScript) &&
    isListOf(entries, isEntry) &&
    isFields(texts) &&
    Object.values(texts).every(isText)
  );
}

function isAlternative(value: unknown): boolean {
  return (
    isLink(value) &&
    Number.isSafeInteger((value as Fields)['priority']) &&
    isListOf((value as Fields)['slaves'], isLink)
  );
}

function isLink(value: unknown): boolean {
  return isFields(value) && ['name', 'link', 'path'].every((key) => isText(value[key]));
}

function isScript(value: unknown): boolean {
  if (!isFields(value)) return false;
  const { path, interpreter, lookedUp = '' } = value;
  return [path, interpreter, lookedUp].every(isText);
}

// As `packTreeEntry` makes it.
function isEntry(value: unknown): boolean {
  if (!Array.isArray(value)) return false;
  const [type, path, mode = 0, uid = 0, gid = 0, linkTarget = ''] = value as unknown[];
  return [type, path, linkTarget].every(isText) && [mode, uid, gid].every(isCount);
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isListOf(value: unknown, isItem: (item: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every((item) => isItem(item));
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}
