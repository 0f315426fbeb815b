import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { ExecutionContext } from 'ava';
import { BuilderError } from '../../builder-error.ts';
import { openMirrors } from '../archive-mirrors.ts';
import type { SuiteIndex } from '../catalog.ts';
import { fetchIndexes } from '../fetch-index.ts';
import { fetchRelease } from '../fetch-release.ts';
import { type DebianSystem, debianSystem } from '../system.ts';

/** The packages of a Debian release for amd64, from this machine's mirror. */
export async function readRealArchive(name: string, cacheDir: string): Promise<readonly SuiteIndex[]> {
  const system = await debianSystem(name);
  const mirrors = openMirrors({ system });
  // A frozen mirror will do: it is the same for apt.
  const options = { now: new Date(), cacheDir, allowExpired: true, retryDelaysMs: [] };
  const suites = system.suites.map(async (choice) => {
    const fetched = await fetchRelease(choice, await mirrors.of(choice, 'amd64'), options);
    return await fetchIndexes(fetched, 'amd64', options);
  });
  return (await Promise.all(suites)).flat();
}

/** Tries something with the real archive; says so in the test's output and gives undefined if it is away. */
export async function whenOnline<Result>(
  t: ExecutionContext,
  action: () => Promise<Result>,
): Promise<Result | undefined> {
  try {
    return await action();
  } catch (error) {
    // A firewall between here and there answers with a status of its own.
    if (!(error instanceof BuilderError && error.code.startsWith('ARCHIVE_'))) throw error;
    t.log(`left out: the mirror is away: ${error.message}`);
    t.pass();
    return undefined;
  }
}

/** The suites of a system as lines of a sources.list, with the keys that they must be signed by. */
export async function sourcesOf(system: DebianSystem, folder: string): Promise<readonly string[]> {
  const mirrors = openMirrors({ system });
  await mkdir(folder, { recursive: true });
  return await Promise.all(
    system.suites.map(async (choice) => {
      const files = choice.keys.map(({ fingerprint }) => join(folder, `${fingerprint}.asc`));
      for (const [index, path] of files.entries()) await writeFile(path, choice.keys[index]?.armored ?? '');
      const [mirror] = await mirrors.of(choice, 'amd64');
      const { suite, components } = choice;
      return `deb [signed-by=${files.join(',')}] ${mirror?.root} ${suite} ${components.join(' ')}`;
    }),
  );
}
