import test from 'ava';
import { temporaryFolder } from '../../testing/temporary-folder.ts';
import { hasTool } from '../../testing/tool.ts';
import { readAptSources } from '../apt-sources.ts';
import { readUrl } from '../http.ts';
import { mirrorsOf } from '../mirrors.ts';
import type { SuiteChoice } from '../system.ts';
import { compareWithApt } from './compare-with-apt.ts';

/** Each costs apt a second; `compare-with-apt.ts --sets 300` runs more. */
const count = Number(process.env['IMG_APT_SETS'] ?? 14);

const choice = (suite: string, archive: SuiteChoice['archive']): SuiteChoice => ({
  suite,
  archive,
  components: ['main'],
  mirrors: [],
  keys: [],
});

/** Lines of a sources.list for a Debian release, from the machine's own mirror. */
async function sourcesOf(codename: string): Promise<readonly string[]> {
  const sources = await readAptSources('/etc/apt');
  const rootOf = (suite: SuiteChoice): string =>
    mirrorsOf(suite, { mirror: undefined, sources })[0]?.root ?? '';
  const main = rootOf(choice(codename, 'debian'));
  const security = rootOf(choice(`${codename}-security`, 'debian-security'));
  const keys = new URL('../../../keys/', import.meta.url).pathname;
  const signedBy = (name: string): string => `[signed-by=${keys}debian-archive-bookworm-${name}.asc]`;
  return [
    `deb ${signedBy('automatic')} ${main} ${codename} main`,
    `deb ${signedBy('automatic')} ${main} ${codename}-updates main`,
    `deb ${signedBy('security-automatic')} ${security} ${codename}-security main`,
  ];
}

for (const codename of ['bookworm', 'trixie']) {
  test(`selectPackages() agrees with apt about package sets of ${codename}`, async (t) => {
    if (!hasTool(t, 'apt-get')) return;
    const sources = await sourcesOf(codename);
    const [root = ''] = /http\S+/.exec(sources[0] ?? '') ?? [];
    const answer = await readUrl(`${root}/dists/${codename}/InRelease`, 2 ** 23, { retryDelaysMs: [] }).catch(
      (error: Error) => error,
    );
    if (answer instanceof Error) {
      t.log(`left out: the network is away: ${answer.message}`);
      t.pass();
      return;
    }
    const results = await compareWithApt(await temporaryFolder(t), sources, { count, seed: 1 });
    t.is(results.length, count);
    for (const { kind, names, isEqual, difference } of results) {
      t.true(isEqual, `${kind}: ${names.join(' ')}: ${difference}`);
    }
    t.log(`${results.filter(({ isRefused }) => isRefused).length} of ${count} were refused by both`);
  });
}
