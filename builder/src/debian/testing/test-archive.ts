import { gzipSync } from 'node:zlib';
import { digestHex, digestOf } from '@img/spec/digest';
import { compress } from '@napi-rs/lzma/xz';
import { createCleartextMessage, sign } from 'openpgp';
import type { TestKey } from './test-keys.ts';

/** Fields of a package; those that an index must have are filled in. */
export type TestStanza = { readonly Package: string; readonly [field: string]: string };

/** A .deb of the archive: its fields and its bytes. */
export type TestPackage = { readonly fields: TestStanza; readonly content: Uint8Array };

export type SuiteParts = {
  readonly key: TestKey;
  readonly suite?: string;
  readonly date?: Date;
  readonly packages?: readonly TestPackage[];
  readonly architecture?: string;
  /** Fields of the Release file that differ from the usual ones; undefined leaves one out. */
  readonly release?: { readonly [field: string]: string | undefined };
  readonly compression?: 'xz' | 'gz' | 'none';
  /** The index as it is, instead of one that is made from the packages. */
  readonly index?: Uint8Array;
};

/** Date of a suite if nothing else is said; tests take a day later as now. */
export const archiveDate = new Date('2026-11-21T08:00:00Z');

export const testNow = new Date('2026-11-22T08:00:00Z');

/** A package with some content, `amd64` and version 1.0 unless the fields say something else. */
export function makePackage(fields: TestStanza, content = `content of ${fields.Package}`): TestPackage {
  const { Package: name, Version: version = '1.0', Architecture: architecture = 'amd64' } = fields;
  const bytes = Buffer.from(content);
  const required = {
    Version: version,
    Architecture: architecture,
    Filename: `pool/main/${name}_${version.replace(/^\d+:/, '')}_${architecture}.deb`,
    Size: String(bytes.length),
    SHA256: digestHex(digestOf(bytes)),
  };
  return { fields: { ...required, ...fields }, content: bytes };
}

export function formatStanza(fields: { readonly [field: string]: string | undefined }): string {
  const lines = Object.entries(fields).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}: ${value}\n`],
  );
  return lines.join('');
}

/** The files of a signed suite, by path below the archive's root. */
export async function makeSuite(parts: SuiteParts): Promise<Map<string, Uint8Array>> {
  const { suite = 'trixie', architecture = 'amd64', packages = [], compression = 'xz' } = parts;
  const text = packages.map(({ fields }) => formatStanza(fields)).join('\n');
  const name = `main/binary-${architecture}/Packages${compression === 'none' ? '' : `.${compression}`}`;
  const index = parts.index ?? (await pack(Buffer.from(text), compression));
  const release = formatStanza({
    Suite: `${suite}-alias`,
    Codename: suite,
    Date: (parts.date ?? archiveDate).toUTCString().replace('GMT', 'UTC'),
    'Acquire-By-Hash': 'yes',
    Architectures: architecture,
    Components: 'main',
    ...parts.release,
  });
  const hex = digestHex(digestOf(index));
  const signedText = `${release}SHA256:\n ${hex} ${index.byteLength} ${name}\n`;
  const files = new Map<string, Uint8Array>();
  const folder = `dists/${suite}`;
  files.set(`${folder}/InRelease`, await signText(signedText, parts.key, parts.date ?? archiveDate));
  files.set(`${folder}/${name}`, index);
  files.set(`${folder}/main/binary-${architecture}/by-hash/SHA256/${hex}`, index);
  for (const { fields, content } of packages) files.set(fields['Filename'] ?? '', content);
  return files;
}

export async function signText(text: string, key: TestKey, date: Date): Promise<Buffer> {
  const message = await createCleartextMessage({ text });
  return Buffer.from(await sign({ message, signingKeys: key.privateKey, date }));
}

async function pack(bytes: Uint8Array, compression: 'xz' | 'gz' | 'none'): Promise<Uint8Array> {
  if (compression === 'xz') return await compress(bytes);
  return compression === 'gz' ? gzipSync(bytes) : bytes;
}
