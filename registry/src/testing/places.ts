import { join } from 'node:path';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import { parseRegistryHost } from '@img/spec/registry-host';
import type { ExecutionContext } from 'ava';
import { RegistryClient, type RepositoryAccess } from '../client/registry-client.ts';
import { ImageStore } from '../images/image-store.ts';
import { ArchiveTarget } from '../layout/archive-target.ts';
import { LayoutTarget } from '../layout/layout-target.ts';
import { openLayout } from '../layout/open-layout.ts';
import { startRegistry } from '../server/start-registry.ts';
import type { ContentSource, ContentTarget } from '../transfer/content.ts';
import { quickRetry } from './quick-retry.ts';
import { app, clientOf, startDouble } from './start-double.ts';

/** Somewhere that images are put and found again. */
export type Place = {
  readonly target: ContentTarget;
  /** What is there when this is called. */
  source(): Promise<ContentSource>;
};

type PlaceKind = {
  readonly name: string;
  /** Whether it refuses to replace what the caller has not read. */
  readonly comparesTags: boolean;
  readonly open: (t: ExecutionContext) => Promise<Place>;
};

/** Every implementation of the interfaces of content, each in a place that is gone when the test ends. */
export const places: readonly PlaceKind[] = [
  { name: 'registry double', comparesTags: false, open: doublePlace },
  { name: 'registry double without referrers API', comparesTags: false, open: (t) => doublePlace(t, false) },
  { name: 'registry', comparesTags: true, open: (t) => registryPlace(t) },
  { name: 'image store', comparesTags: true, open: storePlace },
  { name: 'layout', comparesTags: true, open: layoutPlace },
  { name: 'archive', comparesTags: true, open: archivePlace },
];

async function doublePlace(t: ExecutionContext, hasReferrersApi = true): Promise<Place> {
  const double = await startDouble(t);
  double.hasReferrersApi = hasReferrersApi;
  const repository = clientOf(t, double).repository(app, 'push');
  return { target: repository, source: async () => repository };
}

export async function registryPlace(t: ExecutionContext, access: RepositoryAccess = 'push'): Promise<Place> {
  const administrator = { name: 'admin', password: 'correct horse' };
  const registry = await startRegistry({ dataFolder: temporaryFolder(t), administrator });
  const client = new RegistryClient(registry.host, {
    retry: quickRetry,
    credentials: async () => ({
      kind: 'password',
      username: administrator.name,
      password: administrator.password,
    }),
  });
  t.teardown(async () => {
    await client.close();
    await registry.close();
  });
  const repository = client.repository(app, access);
  return { target: repository, source: async () => repository };
}

export async function storePlace(t: ExecutionContext): Promise<Place> {
  const store = new ImageStore(temporaryFolder(t));
  t.teardown(() => store.close());
  const repository = store.repository({
    registry: parseRegistryHost('registry.example.com'),
    repository: app,
  });
  return { target: repository, source: async () => repository };
}

export async function layoutPlace(t: ExecutionContext): Promise<Place> {
  const folder = join(temporaryFolder(t), 'layout');
  const target = await LayoutTarget.open(folder);
  return { target, source: () => closed(t, openLayout(folder)) };
}

async function archivePlace(t: ExecutionContext): Promise<Place> {
  const path = join(temporaryFolder(t), 'image.tar');
  const target = await ArchiveTarget.create(path);
  t.teardown(() => target[Symbol.asyncDispose]());
  return {
    target,
    async source() {
      await target.commit();
      return await closed(t, openLayout(path));
    },
  };
}

async function closed<Source extends ContentSource & AsyncDisposable>(
  t: ExecutionContext,
  opening: Promise<Source>,
): Promise<Source> {
  const source = await opening;
  t.teardown(() => source[Symbol.asyncDispose]());
  return source;
}
