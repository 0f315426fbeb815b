import { parseRepositoryName } from '@img/spec/repository-name';
import type { Tag } from '@img/spec/tag';
import test from 'ava';
import { imageOf, indexOf, pushBlob, pushManifest, repository } from '../testing/content.ts';
import { databases, openMigrated } from '../testing/databases.ts';
import { findCheck, forgetChecks, noteCheck } from './checks.ts';
import { listIdleCopies, sumCopiedBytes } from './copies.ts';

const copy = parseRepositoryName('hub/app');
const range = { from: 'hub/', below: 'hub0' };
const tag = '1' as Tag;

for (const [name, open] of databases) {
  const title = (text: string) => `${name}: ${text}`;

  test(title('noteCheck() remembers the last time of each subject until it is forgotten'), async (t) => {
    const database = await openMigrated(t, open);
    const note = (now: number) => database.transaction((writer) => noteCheck(writer, copy, tag, now));
    await note(5);
    t.is(await findCheck(database, copy, tag), undefined, 'a repository that holds nothing');
    await pushManifest(database, imageOf('config', []), { into: copy });
    await note(6);
    await note(7);
    t.is(await findCheck(database, copy, tag), 7);
    await database.transaction((writer) => forgetChecks(writer, 7));
    t.is(await findCheck(database, copy, tag), 7);
    await database.transaction((writer) => forgetChecks(writer, 8));
    t.is(await findCheck(database, copy, tag), undefined);
  });

  test(title('sumCopiedBytes() counts what images below a name need, each blob once'), async (t) => {
    const database = await openMigrated(t, open);
    t.is(await sumCopiedBytes(database, range), 0);
    for (const text of ['config', 'a layer', 'unneeded']) await pushBlob(database, text, { into: copy });
    await pushBlob(database, 'of another name');
    await pushManifest(database, imageOf('config', ['a layer', 'not here']), { into: copy });
    await pushManifest(database, imageOf('config', []), { into: copy });
    await pushManifest(database, imageOf('config', ['of another name']), { into: repository });
    t.is(await sumCopiedBytes(database, range), 'config'.length + 'a layer'.length);
  });

  test(title('listIdleCopies() lists what nothing needs, pulled longest ago first'), async (t) => {
    const database = await openMigrated(t, open);
    const push = (manifest: ReturnType<typeof imageOf>, now: number, into = copy) => {
      return pushManifest(database, manifest, { into, now });
    };
    const child = await push(imageOf('child', []), 1);
    const index = await push(indexOf([child.descriptor]), 4);
    const older = await push(imageOf('older', []), 3);
    await push(imageOf('attached', [], { subject: older.descriptor }), 1);
    await push(imageOf('of another name', []), 1, repository);
    await push(imageOf('new', []), 9);
    const list = async (limit: number) => {
      const found = await listIdleCopies(database, range, { pulledBefore: 9, limit });
      return found.map(({ digest }) => digest);
    };
    t.deepEqual(await list(10), [older.digest, index.digest]);
    t.deepEqual(await list(1), [older.digest]);
    await database.transaction((writer) =>
      writer.run('UPDATE manifests SET pulled_at = 8 WHERE digest = $1', older.digest),
    );
    t.deepEqual(await list(10), [index.digest, older.digest]);
  });
}
