import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { readAptSources } from '@img/builder/debian/apt-sources';
import { runCommand } from './command.ts';

const folder = join(import.meta.dirname, '../../.cache/benchmarks');

/**
 * Returns the archive of a minimal Debian, as Dockerfiles begin with, which mmdebstrap makes once (it takes one or
 * two minutes) from the mirror that this machine's apt uses.
 */
export async function makeBaseArchive(say: (line: string) => void, suite = 'trixie'): Promise<string> {
  const archive = join(folder, `debian-${suite}.tar`);
  const isPresent = await stat(archive).then(
    () => true,
    () => false,
  );
  if (isPresent) return archive;
  say(`making the base image of the Dockerfile (${suite}) with mmdebstrap, once`);
  await mkdir(folder, { recursive: true });
  const temporary = join(folder, `.${process.pid}.tar`);
  try {
    await runCommand({
      line: ['mmdebstrap', '--quiet', '--variant=minbase', suite, temporary, await mirror()],
    });
    await rename(temporary, archive);
  } finally {
    await rm(temporary, { force: true });
  }
  return archive;
}

async function mirror(): Promise<string> {
  const sources = await readAptSources('/etc/apt');
  const source = sources.find(
    ({ uri, components }) => !uri.includes('security') && components.includes('main'),
  );
  return source?.uri ?? 'http://ftp.debian.org/debian';
}
