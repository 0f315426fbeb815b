import { digestOf } from '@img/spec/digest';
import { mediaTypes } from '@img/spec/media-types';
import type { Tag } from '@img/spec/tag';
import test from 'ava';
import type { Database } from './database.ts';
import { deleteManifest, deleteTag } from './delete-manifest.ts';
import { findManifest, findManifestHead } from './manifests.ts';
import { putManifest } from './put-manifest.ts';
import { listReferrers } from './referrers.ts';
import { findRepository, listRepositories } from './repositories.ts';
import { listTagHistory, listTags } from './tags.ts';
import {
  imageOf,
  indexOf,
  layer,
  otherRepository,
  pushBlob,
  pushManifest,
  repository,
} from './testing/content.ts';
import { databases, openMigrated } from './testing/databases.ts';

const v1 = 'v1' as Tag;
const move = { actor: 'bob', now: 9, reviewAt: 99 };

for (const [name, open] of databases) {
  const title = (text: string) => `${name}: ${text}`;

  test(title('a manifest is found by digest and tag, byte for byte, in its repository only'), async (t) => {
    const database = await openMigrated(t, open);
    const { digest } = await pushManifest(database, imageOf('config', ['a']), { tags: ['v1', 'v2'] });
    for (const reference of [{ digest }, { tag: v1 }, { tag: 'v2' as Tag }]) {
      const found = await findManifest(database, repository, reference);
      t.is(found?.digest, digest);
      t.is(digestOf(found?.bytes as Uint8Array), digest);
      t.is((await findManifestHead(database, repository, reference))?.media_type, mediaTypes.ociManifest);
      t.is(await findManifest(database, otherRepository, reference), undefined);
    }
    t.is(await findManifest(database, repository, { tag: 'v3' as Tag }), undefined);
  });

  test(title('pushing the same manifest again changes nothing'), async (t) => {
    const database = await openMigrated(t, open);
    const first = await pushManifest(database, imageOf('config', ['a', 'a']), { tags: ['v1'], now: 1 });
    const again = await pushManifest(database, imageOf('config', ['a', 'a']), { tags: ['v1'], now: 2 });
    t.is(first.digest, again.digest);
    t.is((await history(database)).length, 1);
  });

  test(title('a tag moves, keeps its history, and leaves the older manifest in place'), async (t) => {
    const database = await openMigrated(t, open);
    const old = await pushManifest(database, imageOf('old', []), { tags: ['v1'], now: 1 });
    const young = await pushManifest(database, imageOf('young', []), { tags: ['v1'], now: 2 });
    t.is((await findManifest(database, repository, { tag: v1 }))?.digest, young.digest);
    t.not(await findManifest(database, repository, { digest: old.digest }), undefined);
    t.true(await database.transaction((writer) => deleteTag(writer, repository, v1, move)));
    t.false(await database.transaction((writer) => deleteTag(writer, repository, v1, move)), 'gone already');
    t.not(await findManifest(database, repository, { digest: young.digest }), undefined);
    t.deepEqual(await history(database), [
      { digest: null, actor: 'bob', at: 9, isStored: false },
      { digest: young.digest, actor: 'alice', at: 2, isStored: true },
      { digest: old.digest, actor: 'alice', at: 1, isStored: true },
    ]);
  });

  test(title('putManifest() says what is missing and what has another size'), async (t) => {
    const database = await openMigrated(t, open);
    await pushBlob(database, 'here');
    await pushBlob(database, 'config');
    const foreign = { ...layer('foreign'), mediaType: mediaTypes.ociLayerNondistributableGzip };
    const wrong = { ...layer('here'), size: 99 };
    const image = { ...imageOf('config', []), layers: [layer('here'), wrong, layer('absent'), foreign] };
    const { gaps } = await pushManifest(database, image as ReturnType<typeof imageOf>);
    t.deepEqual(gaps, { missing: [layer('absent').digest], wrongSize: [wrong] });
  });

  test(title('putManifest() sees the children of an index, manifests and blobs alike'), async (t) => {
    const database = await openMigrated(t, open);
    await pushBlob(database, 'here');
    const child = await pushManifest(database, imageOf('config', []));
    const absent = { ...layer('absent'), mediaType: mediaTypes.ociManifest };
    const { gaps } = await pushManifest(
      database,
      indexOf([child.descriptor, absent, layer('here'), layer('no blob')]),
    );
    t.deepEqual(gaps.missing, [absent.digest, layer('no blob').digest]);
  });

  test(title('putManifest() works with thousands of children'), async (t) => {
    const database = await openMigrated(t, open);
    const children = Array.from({ length: 4096 }, (_, index) => {
      return { ...layer(`child ${index}`), mediaType: mediaTypes.ociManifest };
    });
    const { gaps, digest } = await pushManifest(database, indexOf(children));
    t.is(gaps.missing.length, 4096);
    t.deepEqual(await database.transaction((writer) => deleteManifest(writer, repository, digest, move)), {
      kind: 'deleted',
    });
  });

  test(title('a refused tag leaves everything as it was'), async (t) => {
    const database = await openMigrated(t, open);
    const { digest } = await pushManifest(database, imageOf('old', []), { tags: ['v1'] });
    const bytes = new TextEncoder().encode('{}');
    const put = {
      repository,
      digest: digestOf(bytes),
      manifest: imageOf('young', []),
      bytes,
      tags: [v1],
      checkTag: (tag: Tag, current: string | undefined) => {
        t.deepEqual([tag, current], [v1, digest]);
        throw new Error('refused');
      },
    };
    await t.throwsAsync(
      database.transaction((writer) => putManifest(writer, put, move)),
      { message: 'refused' },
    );
    t.is((await findManifest(database, repository, { tag: v1 }))?.digest, digest);
    t.is(await findManifest(database, repository, { digest: put.digest }), undefined);
  });

  test(title('deleteManifest() removes the manifest with its tags, and no other'), async (t) => {
    const database = await openMigrated(t, open);
    const kept = await pushManifest(database, imageOf('kept', ['shared']), { tags: ['kept'] });
    const gone = await pushManifest(database, imageOf('gone', ['shared']), { tags: ['v1', 'v2'] });
    const remove = () =>
      database.transaction((writer) => deleteManifest(writer, repository, gone.digest, move));
    t.deepEqual(await remove(), { kind: 'deleted' });
    t.deepEqual(await remove(), { kind: 'unknown' });
    const id = (await findRepository(database, repository)) as number;
    t.deepEqual(await listTags(database, id, { limit: 9 }), ['kept' as Tag]);
    t.not(await findManifest(database, repository, { digest: kept.digest }), undefined);
    t.is((await history(database))[0]?.digest, null);
    t.false((await history(database)).at(-1)?.isStored, 'there is nothing to restore');
  });

  test(title('an index protects the manifests that it lists, also through another index'), async (t) => {
    const database = await openMigrated(t, open);
    const child = await pushManifest(database, imageOf('child', []), { tags: ['v1'] });
    const inner = await pushManifest(database, indexOf([child.descriptor]));
    const outer = await pushManifest(database, indexOf([inner.descriptor]));
    const remove = (of: typeof child) =>
      database.transaction((writer) => deleteManifest(writer, repository, of.digest, move));
    t.deepEqual(await remove(child), { kind: 'protected', by: [inner.digest] });
    t.not(await findManifest(database, repository, { tag: v1 }), undefined, 'its tag stays');
    t.deepEqual(await remove(inner), { kind: 'protected', by: [outer.digest] });
    for (const manifest of [outer, inner, child]) t.deepEqual(await remove(manifest), { kind: 'deleted' });
  });

  test(title('listTags() gives pages in byte order'), async (t) => {
    const database = await openMigrated(t, open);
    const tags = ['v1-alpine', 'v1', 'v10', 'V1', '1.0', 'latest'];
    await pushManifest(database, imageOf('config', []), { tags });
    const id = (await findRepository(database, repository)) as number;
    const page = (after: string | undefined, limit: number) =>
      listTags(database, id, after === undefined ? { limit } : { after, limit });
    t.deepEqual(await page(undefined, 99), ['1.0', 'V1', 'latest', 'v1', 'v1-alpine', 'v10'] as Tag[]);
    t.deepEqual(await page(undefined, 2), ['1.0', 'V1'] as Tag[]);
    t.deepEqual(await page('v1', 2), ['v1-alpine', 'v10'] as Tag[], 'the tag itself is left out');
    t.deepEqual(await page('a', 1), ['latest'] as Tag[], 'the tag need not exist');
    t.deepEqual(await page('z', 9), []);
    t.deepEqual(await page(undefined, 0), []);
  });

  test(title('listRepositories() gives pages of repositories that hold a manifest'), async (t) => {
    const database = await openMigrated(t, open);
    await pushBlob(database, 'only a blob');
    t.deepEqual(await listRepositories(database, { limit: 9 }), []);
    await pushManifest(database, imageOf('config', []));
    await pushManifest(database, imageOf('config', []), { into: otherRepository });
    t.deepEqual(await listRepositories(database, { limit: 9 }), [repository, otherRepository]);
    t.deepEqual(await listRepositories(database, { limit: 1 }), [repository]);
    t.deepEqual(await listRepositories(database, { after: repository, limit: 9 }), [otherRepository]);
  });

  test(title('listReferrers() describes each referrer as the specification says'), async (t) => {
    const database = await openMigrated(t, open);
    const subject = { ...layer('subject'), mediaType: mediaTypes.ociManifest };
    const annotations = { b: '2', a: '1' };
    const typed = await pushManifest(
      database,
      imageOf('c', [], { subject, artifactType: 'a/b', annotations }),
    );
    const image = await pushManifest(database, imageOf('c', [], { subject }));
    const index = await pushManifest(database, indexOf([], { subject }));
    await pushManifest(database, imageOf('c', []));
    await pushManifest(database, imageOf('c', [], { subject }), { into: otherRepository });
    const list = (query = {}) =>
      listReferrers(database, { repository, subject: subject.digest, limit: 9, ...query });
    const expected = [
      { ...typed.descriptor, artifactType: 'a/b', annotations: { a: '1', b: '2' } },
      { ...image.descriptor, artifactType: mediaTypes.ociConfig },
      index.descriptor,
    ].toSorted((a, b) => (a.digest < b.digest ? -1 : 1));
    t.deepEqual(await list(), expected);
    t.deepEqual(
      await list({ artifactType: 'a/b' }),
      expected.filter(({ digest }) => digest === typed.digest),
    );
    t.deepEqual(await list({ artifactType: 'no/such' }), []);
    t.deepEqual(await list({ limit: 1 }), expected.slice(0, 1));
    t.deepEqual(await list({ after: expected[0]?.digest }), expected.slice(1));
    await database.transaction((writer) => deleteManifest(writer, repository, index.digest, move));
    t.is((await list()).length, 2, 'a deleted referrer disappears');
  });
}

async function history(database: Database) {
  const id = (await findRepository(database, repository)) as number;
  return (await listTagHistory(database, id, v1, 9)).map(({ digest, actor, at, is_stored }) => {
    return { digest, actor, at, isStored: is_stored === 1 };
  });
}
