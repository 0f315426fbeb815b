import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Catalog } from '../catalog.ts';
import { debianSystem } from '../system.ts';
import { makeApt } from './apt.ts';
import { compareWithApt } from './compare-with-apt.ts';
import { compiled } from './local-archive.ts';
import { packageSets } from './package-sets.ts';
import { sourcesOf } from './real-archive.ts';

/**
 * Compares with apt over whole releases, for a second of processor time per set:
 *
 *     npm run compare-with-apt -w @img/builder -- --sets 300 --seed 1 debian:12 debian:13
 *
 * The same seed chooses the same sets as long as the archive doesn't change. Ends with 1 if any set differs.
 */
async function main(): Promise<void> {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: { sets: { type: 'string', default: '300' }, seed: { type: 'string', default: '1' } },
  });
  const names = positionals.length > 0 ? positionals : ['debian:12', 'debian:13'];
  for (const name of names) {
    const folder = await mkdtemp(join(tmpdir(), 'img-apt-'));
    try {
      const isEqual = await compareRelease(name, folder, Number(values.sets), Number(values.seed));
      if (!isEqual) process.exitCode = 1;
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  }
}

async function compareRelease(name: string, folder: string, count: number, seed: number): Promise<boolean> {
  const apt = await makeApt(folder, await sourcesOf(await debianSystem(name), join(folder, 'keys')));
  await apt.update();
  const paths = await apt.indexes();
  const catalog = new Catalog(
    await Promise.all(paths.map(async (path) => compiled(path, await readFile(path)))),
    'amd64',
  );
  const results = await compareWithApt(apt, catalog, packageSets(catalog, count, seed));
  const different = results.filter(({ isEqual }) => !isEqual);
  for (const { kind, names, difference } of different) {
    process.stdout.write(`${kind}: ${names.join(' ')}\n  ${difference}\n`);
  }
  const refused = results.filter(({ isEqual, isRefused }) => isEqual && isRefused).length;
  const equal = results.length - different.length;
  const summary = `${name}: ${equal} of ${results.length} sets equal, ${refused} of them refused by both`;
  process.stdout.write(`${summary}\n`);
  return different.length === 0;
}

await main();
