import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Catalog, type SuiteIndex } from '../catalog.ts';
import { IndexCompiler } from '../index-compiler.ts';
import { PackageIndex } from '../package-index.ts';
import { type Apt, makeApt } from './apt.ts';
import { formatStanza, makePackage, type TestStanza } from './test-archive.ts';

/** A catalog of `Packages` files. */
export function catalogOf(...texts: readonly string[]): Catalog {
  return new Catalog(
    texts.map((text) => compiled('test', Buffer.from(text, 'latin1'))),
    'amd64',
  );
}

/** A `Packages` file as the resolver reads it. */
export function compiled(suite: string, text: Uint8Array): SuiteIndex {
  const compiler = new IndexCompiler();
  compiler.add(text);
  const index = PackageIndex.open(compiler.finish());
  if (index === undefined) throw new TypeError('an index that was just compiled should be readable');
  return { suite, index };
}

/** A `Packages` file. */
export function indexOf(stanzas: readonly TestStanza[]): string {
  return stanzas.map((stanza) => formatStanza(makePackage(stanza).fields)).join('\n');
}

/** An apt whose only sources are folders, each with one of these indexes. */
export async function aptOf(folder: string, ...texts: readonly string[]): Promise<Apt> {
  const sources: string[] = [];
  for (const [number, text] of texts.entries()) {
    const archive = join(folder, `archive-${number}`);
    await mkdir(archive);
    await writeFile(join(archive, 'Packages'), text, 'latin1');
    sources.push(`deb [trusted=yes] file:${archive} ./`);
  }
  const apt = await makeApt(folder, sources);
  await apt.update();
  return apt;
}
