import { join } from 'node:path';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import type { ExecutionContext } from 'ava';
import type { ResolveOptions } from '../resolution.ts';
import { customSystem } from '../system.ts';
import { makePackage, makeSuite, type SuiteParts, testNow } from './test-archive.ts';
import { makeKey } from './test-keys.ts';
import { startServer, type TestServer } from './test-server.ts';

export const archiveKey = await makeKey();
export const foreignKey = await makeKey();

export const archivePackages = [
  makePackage({ Package: 'app', Version: '2.0', Depends: 'libone (>= 1), debconf' }),
  makePackage({ Package: 'libone', Version: '1.5' }),
  makePackage({ Package: 'debconf', Depends: 'perl-base' }),
  makePackage({ Package: 'perl-base' }),
];

export type Archive = {
  readonly server: TestServer;
  readonly options: ResolveOptions & { retryDelaysMs: number[] };
};

/** A server with suites, and options that resolve `app` from it. */
export async function startArchive(
  t: ExecutionContext,
  ...suites: readonly Partial<SuiteParts>[]
): Promise<Archive> {
  const parts = suites.length === 0 ? [{}] : suites;
  const files = await Promise.all(
    parts.map((part) => makeSuite({ key: archiveKey, packages: archivePackages, ...part })),
  );
  const server = await startServer(t, ...files);
  const names = parts.map(({ suite = 'trixie' }) => suite);
  const system = await customSystem({ mirror: server.url, suites: names, keyring: archiveKey.keyring });
  const cacheDir = join(temporaryFolder(t), 'cache');
  const aptFolder = temporaryFolder(t);
  return {
    server,
    options: {
      system,
      architecture: 'amd64',
      packages: ['app'],
      now: testNow,
      cacheDir,
      aptFolder,
      retryDelaysMs: [],
    },
  };
}

export const namesOf = (list: readonly { readonly name: string }[]): string =>
  list.map(({ name }) => name).join(' ');
