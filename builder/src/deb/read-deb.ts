import { Buffer } from 'node:buffer';
import { createReadStream } from 'node:fs';
import { RuntimeError } from '@img/runtime/runtime-error';
import type { TarEntry } from '@img/runtime/tar/tar-entry';
import { TarReader } from '@img/runtime/tar/tar-reader';
import { quote } from '@img/spec/quote';
import { SpecError } from '@img/spec/spec-error';
import { verified } from '@img/spec/verified';
import { BuilderError } from '../builder-error.ts';
import type { DebianPackage } from '../debian/package.ts';
import { type ArMember, readAr } from './ar.ts';
import { parseArchivePath } from './archive-path.ts';
import { decompressMember } from './decompress-member.ts';
import { Spool } from './spool.ts';

/** An unpacked .deb; nothing in it has been run or interpreted. Holds an open file until it is disposed of. */
export type DebContent = AsyncDisposable & {
  /** The files of its control archive by name: `control`, `md5sums`, `postinst`, … */
  readonly control: ReadonlyMap<string, Uint8Array>;
  /** The members of its data archive, in their order. */
  readonly entries: readonly TarEntry[];
  /** Bytes of the data archive; the entries say where their content is. */
  read(offset: number, sizeBytes: number): AsyncIterable<Uint8Array>;
};

export type ReadDebOptions = {
  /** Folder on a disk with room for what the package unpacks to. */
  readonly temporaryFolder: string;
  readonly signal?: AbortSignal | undefined;
};

const maxControlBytes = 64 * 1024 * 1024;
const maxDataBytes = 16 * 1024 ** 3;

/**
 * Reads a .deb (deb(5)) once, checks it against the digest that the archive's signed index gave for it, and
 * returns what is in it only if it has that digest.
 *
 * @throws BuilderError DEB_MISMATCH, DEB_INVALID, AR_INVALID, TAR_INVALID, COMPRESSION_INVALID
 */
export async function readDeb(
  path: string,
  wanted: DebianPackage,
  { temporaryFolder, signal }: ReadDebOptions,
): Promise<DebContent> {
  const what = `${wanted.name} ${wanted.version}`;
  await using resources = new AsyncDisposableStack();
  const spool = resources.use(await Spool.create(temporaryFolder));
  const file = createReadStream(path, { highWaterMark: 256 * 1024, signal });
  try {
    const members = readAr(verified(file, wanted), what);
    await checkVersion(await nextMember(members, 'debian-binary', what), what);
    const control = await readControl(await nextMember(members, 'control.tar', what), what);
    const entries = await readData(await nextMember(members, 'data.tar', what), spool, what);
    await checkEnd(members, what);
    const kept = resources.move();
    return {
      control,
      entries,
      read: (offset, sizeBytes) => spool.read(offset, sizeBytes),
      [Symbol.asyncDispose]: () => kept.disposeAsync(),
    };
  } catch (cause) {
    throw explained(cause, path, what);
  } finally {
    file.destroy();
  }
}

/** The next member, which must be of the wanted kind. */
async function nextMember(members: AsyncGenerator<ArMember>, kind: string, what: string): Promise<ArMember> {
  const member = await followingMember(members);
  // Archives may be compressed: control.tar, control.tar.xz, …
  if (member !== undefined && (member.name === kind || member.name.startsWith(`${kind}.`))) return member;
  throw invalid(what, `has ${member === undefined ? 'nothing' : quote(member.name)} where ${kind} should be`);
}

/** Reads on to the end of the file, which must be seen for the digest to be known. */
async function checkEnd(members: AsyncGenerator<ArMember>, what: string): Promise<void> {
  const member = await followingMember(members);
  if (member !== undefined) throw invalid(what, `has ${quote(member.name)} where its end should be`);
}

/** Members whose name begins with `_` are passed over, as deb(5) allows. */
async function followingMember(members: AsyncGenerator<ArMember>): Promise<ArMember | undefined> {
  for (;;) {
    const next = await members.next();
    if (next.done === true) return undefined;
    if (!next.value.name.startsWith('_')) return next.value;
  }
}

async function checkVersion({ content, sizeBytes }: ArMember, what: string): Promise<void> {
  const version = sizeBytes > 100 ? '' : Buffer.concat(await Array.fromAsync(content)).toString('latin1');
  if (!/^2\.\d+\n/.test(version)) {
    throw invalid(what, `has version ${quote(version.trimEnd())} of the format where 2.0 should be`);
  }
}

async function readControl(member: ArMember, what: string): Promise<ReadonlyMap<string, Uint8Array>> {
  const chunks: Uint8Array[] = [];
  const entries = await readTar(member, maxControlBytes, what, async (chunk) => void chunks.push(chunk));
  const bytes = Buffer.concat(chunks);
  const files = new Map<string, Uint8Array>();
  for (const entry of entries) {
    if (entry.kind !== 'file' || entry.sparse !== undefined) continue;
    const path = parseArchivePath(entry.path, what);
    files.set(path, bytes.subarray(entry.contentOffset, entry.contentOffset + entry.size));
  }
  return files;
}

async function readData(member: ArMember, spool: Spool, what: string): Promise<readonly TarEntry[]> {
  return await readTar(member, maxDataBytes, what, (chunk) => spool.append(chunk));
}

async function readTar(
  member: ArMember,
  maxBytes: number,
  what: string,
  keep: (chunk: Uint8Array) => Promise<void>,
): Promise<readonly TarEntry[]> {
  const content = decompressMember(member.name, member.content, {
    maxBytes,
    what: `${member.name} of ${what}`,
  });
  if (content === undefined) {
    throw new BuilderError(
      'COMPRESSION_INVALID',
      `${quote(what)} has ${quote(member.name)}, which is compressed in a way that is not known`,
      { hint: 'packages compressed with gz, xz, zst or not at all are supported' },
    );
  }
  const entries: TarEntry[] = [];
  const reader = new TarReader((entry) => entries.push(entry));
  for await (const chunk of content) {
    reader.push(chunk);
    await keep(chunk);
  }
  reader.end();
  return entries;
}

function invalid(what: string, problem: string): BuilderError {
  return new BuilderError('DEB_INVALID', `${quote(what)} ${problem}`);
}

function explained(cause: unknown, path: string, what: string): unknown {
  if (cause instanceof SpecError) {
    return new BuilderError(
      'DEB_MISMATCH',
      `${quote(what)} is not what the archive's index says: ${cause.message}`,
      {
        cause,
        hint: `remove ${path} and build again`,
      },
    );
  }
  if (cause instanceof RuntimeError) {
    return new BuilderError('TAR_INVALID', `${quote(what)}: ${cause.message}`, { cause });
  }
  return cause;
}
