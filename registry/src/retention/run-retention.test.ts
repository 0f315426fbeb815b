import type { Digest } from '@img/spec/digest';
import type { Tag } from '@img/spec/tag';
import test from 'ava';
import { insertOrganisation } from '../metadata/accounts/organisations.ts';
import type { Database } from '../metadata/database.ts';
import { deleteManifest } from '../metadata/delete-manifest.ts';
import { findManifest, findManifestHead, noteLeft, notePulls } from '../metadata/manifests.ts';
import { findRepository } from '../metadata/repositories.ts';
import { putPolicy } from '../metadata/retention-policies.ts';
import { listTagHistory, listTags } from '../metadata/tags.ts';
import {
  hourMs,
  imageOf,
  indexOf,
  otherRepository,
  pushManifest,
  repository,
} from '../metadata/testing/content.ts';
import { databases, openMigrated } from '../metadata/testing/databases.ts';
import { findPolicyFor } from './find-policy.ts';
import type { RetentionPolicy } from './retention-policy.ts';
import { runDuePolicies } from './run-due-policies.ts';
import { retentionActor, runRetention } from './run-retention.ts';

const dayMs = 24 * hourMs;
const start = 1000 * dayMs;
const now = start + 10 * dayMs;

/** Tags `0` to `9`, each of its own image, pushed a day apart; `9` a day ago. */
async function pushTen(database: Database): Promise<readonly Digest[]> {
  const digests: Digest[] = [];
  for (let day = 0; day < 10; day += 1) {
    const image = imageOf(`config ${day}`, []);
    digests.push(
      (await pushManifest(database, image, { tags: [String(day)], now: start + day * dayMs })).digest,
    );
  }
  return digests;
}

function run(database: Database, policy: RetentionPolicy, { at = now, isDryRun = false } = {}) {
  return runRetention(database, { repository, policy, now: at, unneededMs: hourMs, isDryRun });
}

async function tagsOf(database: Database, name = repository): Promise<string> {
  const id = await findRepository(database, name);
  return id === undefined ? '' : (await listTags(database, id, { limit: 100 })).join(' ');
}

const rules: readonly [policy: RetentionPolicy, kept: string, reason: string][] = [
  [{}, '0 1 2 3 4 5 6 7 8 9', 'no rule removes anything'],
  [{ untaggedDays: 0 }, '0 1 2 3 4 5 6 7 8 9', 'a rule about other things removes no tag'],
  [{ keep: ['[0-9]'] }, '', 'a pattern is no regular expression'],
  [{ keep: ['1', '?'] }, '0 1 2 3 4 5 6 7 8 9', 'one of the patterns is enough'],
  [{ keep: ['4'] }, '4', 'what fits no pattern goes'],
  [{ latest: 3 }, '7 8 9', 'the last ones pushed stay'],
  [{ latest: 10 }, '0 1 2 3 4 5 6 7 8 9', 'as many as there are'],
  [{ latest: 11 }, '0 1 2 3 4 5 6 7 8 9', 'more than there are'],
  [{ pushedDays: 2 }, '9', 'a tag that was pushed exactly two days ago is too old'],
  [{ pulledDays: 1 }, '0', 'what was pulled half a day ago stays'],
  [{ keep: ['3'], latest: 1, pulledDays: 1, pushedDays: 3 }, '0 3 8 9', 'any of the rules keeps'],
];

for (const [name, open] of databases) {
  const title = (text: string) => `${name}: ${text}`;

  test(title('runRetention() keeps the tags that a rule of the policy keeps'), async (t) => {
    for (const [policy, kept, reason] of rules) {
      const database = await openMigrated(t, open);
      const [first] = await pushTen(database);
      const { id } = (await findManifestHead(database, repository, { digest: first as Digest })) ?? {};
      await database.transaction((writer) => notePulls(writer, new Map([[id as number, now - dayMs / 2]])));
      const planned = await run(database, policy, { isDryRun: true });
      t.is(await tagsOf(database), '0 1 2 3 4 5 6 7 8 9', 'a dry run changes nothing');
      const report = await run(database, policy);
      t.is(await tagsOf(database), kept, reason);
      t.deepEqual(report, planned, 'what was said before is what was done');
      t.is(report.keptTags + report.removedTags, 10);
    }
  });

  test(title('what loses its tag can get it back until its own time is over'), async (t) => {
    const database = await openMigrated(t, open);
    const digests = await pushTen(database);
    const policy = { latest: 9, untaggedDays: 3 };
    t.is((await run(database, policy)).removedManifests, 0);
    const id = (await findRepository(database, repository)) as number;
    t.deepEqual(
      (await listTagHistory(database, id, '0' as Tag, 1)).map((move) => ({ ...move })),
      [{ digest: null, actor: retentionActor, at: now, is_stored: 0 }],
    );
    t.is((await run(database, policy, { at: now + 3 * dayMs - 1 })).removedManifests, 0);
    t.deepEqual((await run(database, policy, { at: now + 3 * dayMs })).manifests, [digests[0]]);
    t.is(await findManifest(database, repository, { digest: digests[0] as Digest }), undefined);
  });

  test(title('a tag that moves on leaves a manifest that goes when its time is over'), async (t) => {
    const database = await openMigrated(t, open);
    const old = await pushManifest(database, imageOf('old', []), { tags: ['v1'], now: start });
    await pushManifest(database, imageOf('young', []), { tags: ['v1'], now });
    const policy = { untaggedDays: 1 };
    t.is((await run(database, policy)).removedManifests, 0, 'its time began when the tag moved');
    t.deepEqual((await run(database, policy, { at: now + dayMs })).manifests, [old.digest]);
  });

  test(title('an index protects what it lists, a subject what is attached to it'), async (t) => {
    const database = await openMigrated(t, open);
    const child = await pushManifest(database, imageOf('child', []), { now: start });
    const index = await pushManifest(database, indexOf([child.descriptor]), { tags: ['v1'], now: start });
    const signature = await pushManifest(
      database,
      imageOf('signature', [], { subject: index.descriptor, artifactType: 'application/x.signature' }),
      { now: start },
    );
    const policy = { untaggedDays: 1 };
    t.deepEqual((await run(database, policy)).manifests, []);
    await database.transaction((writer) =>
      deleteManifest(writer, repository, index.digest, { actor: 'alice', now, reviewAt: now }),
    );
    t.deepEqual((await run(database, policy)).manifests, [], 'a day from now on');
    const { manifests } = await run(database, policy, { at: now + dayMs });
    t.deepEqual(manifests.toSorted(), [child.digest, signature.digest].toSorted());
  });

  test(
    title('whoever pushes again, or is told that it is there, has as long as the first time'),
    async (t) => {
      const database = await openMigrated(t, open);
      await pushManifest(database, imageOf('again', []), { now: start });
      const asked = await pushManifest(database, imageOf('asked', []), { now: start });
      await pushManifest(database, imageOf('again', []), { now });
      const { id } = (await findManifestHead(database, repository, asked)) ?? {};
      t.true(await database.transaction((writer) => noteLeft(writer, id as number, now)));
      t.is((await run(database, { untaggedDays: 0 }, { at: now + hourMs - 1 })).removedManifests, 0);
      t.is((await run(database, { untaggedDays: 0 }, { at: now + hourMs })).removedManifests, 2);
      t.false(await database.transaction((writer) => noteLeft(writer, id as number, now)), 'gone');
    },
  );

  test(title('tags that attach signatures stay as long as what they are attached to'), async (t) => {
    const database = await openMigrated(t, open);
    const image = await pushManifest(database, imageOf('image', []), { tags: ['v1'], now: start });
    const tag = `${image.digest.replace(':', '-')}.sig`;
    await pushManifest(database, imageOf('signature', []), { tags: [tag], now: start });
    const policy = { keep: ['stable'], untaggedDays: 1 };
    await run(database, policy);
    t.is(await tagsOf(database), tag, 'the image is without a tag, but there');
    await run(database, policy, { at: now + dayMs });
    await run(database, policy, { at: now + dayMs });
    t.is(await tagsOf(database), '');
    t.is((await run(database, policy, { at: now + 2 * dayMs })).removedManifests, 1, 'the signature');
  });

  test(
    title('runDuePolicies() carries out what is due, for an organisation where there is nothing nearer'),
    async (t) => {
      const database = await openMigrated(t, open);
      const policy = (rule: RetentionPolicy, at: number) => ({ policy: JSON.stringify(rule), run_at: at });
      await database.transaction(async (writer) => {
        await insertOrganisation(writer, repository, 1);
        await insertOrganisation(writer, 'com.example' as typeof repository, 1);
        await putPolicy(writer, { kind: 'organisation', name: 'com.example' }, policy({ latest: 1 }, now));
        await putPolicy(writer, { kind: 'organisation', name: repository }, policy({ latest: 5 }, now + 1));
      });
      await pushTen(database);
      for (const tags of [['a'], ['b']]) {
        await pushManifest(database, imageOf(`other ${tags}`, []), {
          tags,
          into: otherRepository,
          now: start,
        });
      }
      const pass = async (at: number) => {
        const options = { clock: () => at, unneededMs: hourMs, retentionMs: dayMs };
        return (await Array.fromAsync(runDuePolicies(database, options))).map((report) => report.repository);
      };
      t.deepEqual(await pass(now - 1), [], 'nothing is due');
      t.deepEqual(await pass(now), [otherRepository], 'what another organisation owns is left alone');
      t.is(await tagsOf(database), '0 1 2 3 4 5 6 7 8 9');
      t.deepEqual(await pass(now + 1), [repository]);
      t.is(await tagsOf(database), '5 6 7 8 9');
      t.is((await findPolicyFor(database, repository))?.owner.name, repository);
      t.is((await findPolicyFor(database, repository))?.runAt, now + 1 + dayMs);
    },
  );
}
