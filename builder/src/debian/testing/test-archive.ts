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
  /** Those of the component main. */
  readonly packages?: readonly TestPackage[];
  readonly universe?: readonly TestPackage[];
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
  const { suite = 'trixie', architecture = 'amd64', packages = [], universe, date = archiveDate } = parts;
  const components = { main: packages, ...(universe === undefined ? {} : { universe }) };
  const folder = `dists/${suite}`;
  const files = new Map<string, Uint8Array>();
  const lines: string[] = [];
  for (const [component, content] of Object.entries(components)) {
    const { path, index } = await makeIndex(content, `${component}/binary-${architecture}`, parts);
    const hex = digestHex(digestOf(index));
    lines.push(` ${hex} ${index.byteLength} ${path}\n`);
    files.set(`${folder}/${path}`, index);
    files.set(`${folder}/${component}/binary-${architecture}/by-hash/SHA256/${hex}`, index);
  }
  const release = formatStanza({
    Suite: `${suite}-alias`,
    Codename: suite,
    Date: date.toUTCString().replace('GMT', 'UTC'),
    'Acquire-By-Hash': 'yes',
    Architectures: architecture,
    Components: Object.keys(components).join(' '),
    ...parts.release,
  });
  const signed = await signText(`${release}SHA256:\n${lines.join('')}`, parts.key, date);
  files.set(`${folder}/InRelease`, signed);
  for (const { fields, content } of Object.values(components).flat())
    files.set(fields['Filename'] ?? '', content);
  return files;
}

async function makeIndex(
  packages: readonly TestPackage[],
  folder: string,
  { compression = 'xz', index }: SuiteParts,
): Promise<{ readonly path: string; readonly index: Uint8Array }> {
  const text = packages.map(({ fields }) => formatStanza(fields)).join('\n');
  const path = `${folder}/Packages${compression === 'none' ? '' : `.${compression}`}`;
  return { path, index: index ?? (await pack(Buffer.from(text), compression)) };
}

export async function signText(text: string, key: TestKey, date: Date): Promise<Buffer> {
  const message = await createCleartextMessage({ text });
  return Buffer.from(await sign({ message, signingKeys: key.privateKey, date }));
}

async function pack(bytes: Uint8Array, compression: 'xz' | 'gz' | 'none'): Promise<Uint8Array> {
  if (compression === 'xz') return await compress(bytes);
  return compression === 'gz' ? gzipSync(bytes) : bytes;
}
