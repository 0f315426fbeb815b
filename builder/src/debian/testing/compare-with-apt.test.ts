import { needsTool } from '@img/sign/testing/needs';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import test from 'ava';
import { Catalog } from '../catalog.ts';
import { compareWithApt } from './compare-with-apt.ts';
import { excerptOf } from './excerpt.ts';
import { aptOf, catalogOf } from './local-archive.ts';
import { packageSets } from './package-sets.ts';
import { readRealArchive, whenOnline } from './real-archive.ts';

const count = 60;

for (const name of ['debian:12', 'debian:13']) {
  test(`selectPackages() selects what apt does for ${count} package sets of ${name}`, async (t) => {
    if (!needsTool(t, 'apt-get')) return;
    const folder = temporaryFolder(t);
    const suites = await whenOnline(t, () => readRealArchive(name, folder));
    if (suites === undefined) return;
    const sets = packageSets(new Catalog(suites, 'amd64'), count, 1);
    const texts = excerptOf(
      suites,
      'amd64',
      sets.flatMap(({ names }) => names),
    );
    const results = await compareWithApt(await aptOf(folder, ...texts), catalogOf(...texts), sets);
    t.is(results.length, count);
    for (const { kind, names, isEqual, difference } of results) {
      t.true(isEqual, `${kind}: ${names.join(' ')}: ${difference}`);
    }
    const refused = results.filter(({ isRefused }) => isRefused).length;
    t.log(`${refused} of ${count} were refused by both`);
    t.true(refused < count / 4);
  });
}
