import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { Catalog } from '../catalog.ts';
import { IndexCompiler } from '../index-compiler.ts';
import { PackageIndex } from '../package-index.ts';
import { type Apt, makeApt } from './apt.ts';
import { formatStanza, makePackage, type TestStanza } from './test-archive.ts';

/** A catalog of one index. */
export function catalogOf(text: string): Catalog {
  const compiler = new IndexCompiler();
  compiler.add(Buffer.from(text));
  const index = PackageIndex.open(compiler.finish());
  if (index === undefined) throw new TypeError('an index that was just compiled should be readable');
  return new Catalog([{ suite: 'test', index }], 'amd64');
}

/** A `Packages` file. */
export function indexOf(stanzas: readonly TestStanza[]): string {
  return stanzas.map((stanza) => formatStanza(makePackage(stanza).fields)).join('\n');
}

/** An apt whose only source is a folder with this index. */
export async function aptOf(folder: string, text: string): Promise<Apt> {
  const archive = join(folder, 'archive');
  await mkdir(archive);
  await writeFile(join(archive, 'Packages'), text);
  const apt = await makeApt(folder, [`deb [trusted=yes] file:${archive} ./`]);
  await apt.update();
  return apt;
}
