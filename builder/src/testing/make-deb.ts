import { Buffer } from 'node:buffer';
import { execFileSync } from 'node:child_process';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { digestOf } from '@img/spec/digest';
import { type Header, pack } from 'tar-stream';
import type { DebianPackage } from '../debian/package.ts';

export type DebCompression = 'none' | 'gz' | 'xz' | 'zst';

/** A member of an archive as tar-stream writes it, names unchecked; `content` makes it a file. */
export type DebMember = Omit<Partial<Header>, 'name'> & {
  readonly name: string;
  readonly content?: string | Uint8Array;
};

export type DebParts = {
  readonly name?: string;
  readonly version?: string;
  readonly architecture?: string;
  /** Files of the control archive besides `control`. */
  readonly control?: { readonly [name: string]: string };
  readonly data?: readonly DebMember[];
  readonly compression?: DebCompression;
};

/** A .deb and what an archive's index would say of it. */
export type MadeDeb = { readonly bytes: Buffer; readonly package: DebianPackage };

const suffixes = { none: '', gz: '.gz', xz: '.xz', zst: '.zst' } as const;

/** Builds a .deb in memory, valid or not. */
export async function makeDeb(parts: DebParts = {}): Promise<MadeDeb> {
  const { name = 'example', version = '1.0-1', architecture = 'amd64', compression = 'gz' } = parts;
  const stanza = `Package: ${name}\nVersion: ${version}\nArchitecture: ${architecture}\nDescription: for tests\n`;
  const control = await makeTar(
    Object.entries({ control: stanza, ...parts.control }).map(([file, content]) => ({
      name: `./${file}`,
      content,
    })),
  );
  const data = await makeTar(parts.data ?? []);
  const bytes = makeAr([
    ['debian-binary', Buffer.from('2.0\n')],
    [`control.tar${suffixes[compression]}`, compressBytes(control, compression)],
    [`data.tar${suffixes[compression]}`, compressBytes(data, compression)],
  ]);
  return describeDeb(bytes, { name, version, architecture });
}

/** What an index would say of these bytes. */
export function describeDeb(
  bytes: Buffer,
  { name, version, architecture }: { name: string; version: string; architecture: string },
): MadeDeb {
  return {
    bytes,
    package: {
      name,
      version,
      architecture,
      source: { name, version },
      suite: 'test',
      path: `pool/${name}_${version}_${architecture}.deb`,
      size: bytes.byteLength,
      digest: digestOf(bytes),
    },
  };
}

export function makeAr(members: readonly (readonly [name: string, content: Uint8Array])[]): Buffer {
  const parts = members.flatMap(([name, content]) => {
    const fields = [name.padEnd(16), '0'.padEnd(12), '0'.padEnd(6), '0'.padEnd(6), '100644'.padEnd(8)];
    const header = `${fields.join('')}${String(content.byteLength).padEnd(10)}\`\n`;
    return [Buffer.from(header), content, Buffer.from(content.byteLength % 2 === 1 ? '\n' : '')];
  });
  return Buffer.concat([Buffer.from('!<arch>\n'), ...parts]);
}

export async function makeTar(members: readonly DebMember[]): Promise<Buffer> {
  const archive = pack();
  const chunks = Array.fromAsync(archive as AsyncIterable<Uint8Array>);
  for (const { content, ...rest } of members) {
    const header = { mtime: new Date(0), mode: content === undefined ? 0o755 : 0o644, ...rest };
    if (content === undefined) archive.entry(header);
    else archive.entry({ type: 'file', ...header }, Buffer.from(content));
  }
  archive.finalize();
  return Buffer.concat(await chunks);
}

export function compressBytes(bytes: Uint8Array, compression: DebCompression): Buffer {
  switch (compression) {
    case 'none':
      return Buffer.from(bytes);
    case 'gz':
      return gzipSync(bytes);
    case 'zst':
      return zstdCompressSync(bytes);
    case 'xz':
      return execFileSync('xz', ['-c', '-1'], { input: bytes, maxBuffer: 1e9 });
  }
}
