import { execFile } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** An apt of its own: its own sources and state, an empty system, nothing of this machine's configuration. */
export type Apt = {
  /** Downloads the indexes. */
  update(): Promise<void>;
  /** `name=version` of what `apt-get install` would install, sorted, or undefined if it refuses. */
  select(names: readonly string[]): Promise<readonly string[] | undefined>;
  /** Paths of the downloaded `Packages` files, in the order of the sources. */
  indexes(): Promise<readonly string[]>;
};

/** @param sources lines of a sources.list */
export async function makeApt(folder: string, sources: readonly string[]): Promise<Apt> {
  for (const name of ['state/lists/partial', 'cache/archives/partial']) {
    await mkdir(join(folder, name), { recursive: true });
  }
  await writeFile(join(folder, 'status'), '');
  await writeFile(join(folder, 'sources.list'), `${sources.join('\n')}\n`);
  const settings = {
    'Dir::Etc::main': '/dev/null',
    'Dir::Etc::parts': '/dev/null',
    'Dir::Etc::preferences': '/dev/null',
    'Dir::Etc::preferencesparts': '/dev/null',
    'Dir::Etc::sourcelist': join(folder, 'sources.list'),
    'Dir::Etc::sourceparts': '/dev/null',
    'Dir::State': join(folder, 'state'),
    'Dir::State::status': join(folder, 'status'),
    'Dir::Cache': join(folder, 'cache'),
    'APT::Architecture': 'amd64',
    'APT::Architectures': 'amd64',
    // Nothing is essential unless it is asked for: an image has no base system.
    'pkgCacheGen::ForceEssential': 'none',
    'Acquire::Languages': 'none',
    // A frozen mirror will do: both sides read the same indexes.
    'Acquire::Check-Valid-Until': 'false',
    'APT::Sandbox::User': '',
    'Debug::NoLocking': 'true',
  };
  const configuration = join(folder, 'apt.conf');
  const lines = Object.entries(settings).map(([name, value]) => `${name} "${value}";\n`);
  await writeFile(configuration, lines.join(''));
  const env = { ...process.env, APT_CONFIG: configuration, LC_ALL: 'C.UTF-8' };
  const apt = (...args: readonly string[]) => run('apt-get', args, { env, maxBuffer: 2 ** 28 });
  return {
    update: async () => {
      await apt('update', '--error-on=any');
    },
    select: async (names) => {
      const output = await apt('-s', 'install', '--no-install-recommends', ...names).catch(() => undefined);
      const lines = output?.stdout.matchAll(/^Inst (\S+) \((\S+)/gm);
      return lines === undefined
        ? undefined
        : [...lines].map(([, name, version]) => `${name}=${version}`).sort();
    },
    indexes: async () => {
      const { stdout } = await apt('indextargets', '--format', '$(FILENAME)', 'Created-By: Packages');
      return stdout.split('\n').filter((line) => line !== '');
    },
  };
}
