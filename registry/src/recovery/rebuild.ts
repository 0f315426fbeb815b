import type { Digest } from '@img/spec/digest';
import type { ProgressListener } from '@img/spec/progress';
import { findStoredBlob } from '../metadata/blobs.ts';
import type { Database } from '../metadata/database.ts';
import { areTablesEmpty, emptyTables } from '../metadata/empty-tables.ts';
import { ensureJob, findJob, removeJob } from '../metadata/jobs.ts';
import { MetadataError } from '../metadata/metadata-error.ts';
import { migrate } from '../metadata/migrate.ts';
import { countRows, noteAllLeft, restoreBlob, restoreLink } from '../metadata/restored-blobs.ts';
import { putOffPolicies } from '../metadata/retention-policies.ts';
import { buryBlob } from '../metadata/tombstones.ts';
import { RegistryError } from '../registry-error.ts';
import { type BlobKey, type BlobKind, kindOfKey } from '../storage/blob-key.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import { findBlobs, type WantedBlob } from './find-blobs.ts';
import { type RestoredManifests, restoreManifests } from './restore-manifests.ts';
import { findSnapshot, restoreSnapshot } from './restore-snapshot.ts';

export type RebuildOptions = {
  /** Milliseconds since 1970. */
  readonly clock: () => number;
  readonly progress: ProgressListener;
  readonly signal: AbortSignal;
};

/** What a rebuilt registry has, and what could not be put back. */
export type Rebuilt = {
  readonly repositories: number;
  readonly manifests: number;
  readonly blobs: number;
  readonly tags: number;
  readonly users: number;
  /** Until when tags and accounts are known, in milliseconds since 1970; undefined where nothing is known of them. */
  readonly knownUntil: number | undefined;
  /** Blobs that manifests need and that are not stored. */
  readonly lostBlobs: readonly Digest[];
  /** Tags, as `repository:tag`, whose manifests are lost; the first hundred. */
  readonly lostTags: readonly string[];
  /** Organisations whose transparency logs are lost. */
  readonly lostLogs: readonly string[];
  /** Notes in storage that can't be read. */
  readonly damagedNotes: number;
  /** Objects that the disk can't read; they stay in storage. */
  readonly unreadable: readonly BlobKey[];
  /** Objects that nothing needs; they go after a week. */
  readonly unneeded: number;
};

const dayMs = 24 * 60 * 60 * 1000;

/** Time to find out that something is missing, before what seems unneeded is removed. */
const doubtMs = 7 * dayMs;

/** Time to look at what was rebuilt, before policies remove anything from it. */
const policyPauseMs = dayMs / 2;

const buriedTogether = 1000;

type Objects = { readonly [kind in BlobKind]: ReadonlyMap<BlobKey, number> };

/**
 * Makes the metadata of a registry anew from what is in its storage, in an empty database; no process may serve it
 * meanwhile. If it breaks off, the next time begins anew, and until then no registry starts with the database.
 *
 * @throws MetadataError DATABASE_NOT_EMPTY; RegistryError CONTENT_MISSING where storage has no manifest
 */
export async function rebuild(
  database: Database,
  blobs: BlobStore,
  { clock, progress, signal }: RebuildOptions,
): Promise<Rebuilt> {
  await migrate(database, { now: clock() });
  await checkEmpty(database);
  const objects = await listObjects(blobs, signal);
  if (objects.manifest.size === 0) throw nothingToRebuild(blobs, objects);
  await database.transaction(async (writer) => {
    await emptyTables(writer);
    await ensureJob(writer, 'rebuild', clock());
  });
  const unreadable = new Set<BlobKey>();
  const onUnreadable = (key: BlobKey) => void unreadable.add(key);
  const report = progressOf(progress, objects.manifest);
  const restored = await restoreManifests(database, blobs, {
    stored: objects.blob,
    records: [...objects.manifest.keys()],
    onRead: report.advance,
    onUnreadable,
    now: clock(),
    signal,
  });
  report.end();
  const needed = new Set(restored.needed);
  const lostBlobs = await restoreMoved(database, blobs, {
    objects,
    restored,
    needed,
    onUnreadable,
    clock,
    progress,
    signal,
  });
  const { newest, damaged } = await findSnapshot(blobs, [...objects.snapshot.keys()], onUnreadable);
  if (newest !== undefined) needed.add(newest.key);
  const losses = newest && (await restoreSnapshot(database, blobs, newest, signal));
  const unneeded = await buryOthers(database, objects, needed.union(unreadable), clock() + doubtMs);
  await database.transaction(async (writer) => {
    await noteAllLeft(writer, clock());
    await putOffPolicies(writer, clock() + policyPauseMs);
    await ensureJob(writer, 'snapshot', clock(), newest?.key);
    await removeJob(writer, 'rebuild');
  });
  return {
    repositories: await countRows(database, 'repositories'),
    manifests: await countRows(database, 'manifests'),
    blobs: await countRows(database, 'blobs'),
    tags: await countRows(database, 'tags'),
    users: await countRows(database, 'users'),
    knownUntil: newest?.begunAt,
    lostBlobs,
    lostTags: losses?.lostTags ?? [],
    lostLogs: losses?.logs ?? [],
    damagedNotes: restored.damaged + damaged,
    unreadable: [...unreadable],
    unneeded,
  };
}

async function checkEmpty(database: Database): Promise<void> {
  if ((await areTablesEmpty(database)) || (await findJob(database, 'rebuild')) !== undefined) return;
  throw new MetadataError('DATABASE_NOT_EMPTY', 'the database has the metadata of a registry already', {
    hint: 'name an empty database; one that is damaged, move away first',
  });
}

async function listObjects(blobs: BlobStore, signal: AbortSignal): Promise<Objects> {
  const objects = { blob: new Map(), manifest: new Map(), snapshot: new Map() } satisfies Objects;
  for await (const { key, sizeBytes } of blobs.list()) {
    signal.throwIfAborted();
    objects[kindOfKey(key)].set(key, sizeBytes);
  }
  return objects;
}

function nothingToRebuild(blobs: BlobStore, { blob }: Objects): RegistryError {
  const what = blob.size === 0 ? 'nothing' : 'no manifest';
  return new RegistryError(
    'CONTENT_MISSING',
    `there is ${what} in ${blobs.name} to rebuild a registry from`,
    {
      hint:
        blob.size === 0
          ? 'check that the folder or URL is that of the registry'
          : 'a version of img before it noted manifests in storage has filled it; restore a backup of its database',
    },
  );
}

/** Finds the blobs that are not where a record says, by reading what may be them; returns those that are lost. */
async function restoreMoved(
  database: Database,
  blobs: BlobStore,
  {
    objects,
    restored,
    needed,
    onUnreadable,
    clock,
    progress,
    signal,
  }: RebuildOptions & {
    readonly objects: Objects;
    readonly restored: RestoredManifests;
    readonly needed: Set<BlobKey>;
    readonly onUnreadable: (key: BlobKey) => void;
  },
): Promise<readonly Digest[]> {
  const wanted: WantedBlob[] = [];
  for (const [digest, { sizeBytes }] of restored.wanted) {
    // Another record may have said where it is.
    if ((await findStoredBlob(database, digest)) === undefined) wanted.push({ digest, sizeBytes });
  }
  if (restored.wanted.size === 0) return [];
  const what =
    wanted.length === 1
      ? '1 blob that is not where it was'
      : `${wanted.length} blobs that are not where they were`;
  if (wanted.length > 0) progress({ kind: 'note', text: `looking for ${what}` });
  const stored = new Map([...objects.blob].filter(([key]) => !needed.has(key)));
  const found = await findBlobs(blobs, wanted, { stored, onUnreadable, signal });
  await database.transaction(async (writer) => {
    for (const { digest, sizeBytes } of wanted) {
      const key = found.get(digest);
      if (key !== undefined) await restoreBlob(writer, { digest, key, sizeBytes }, clock());
    }
    for (const [digest, { repositories }] of restored.wanted) {
      for (const repository of repositories) await restoreLink(writer, { repository, digest }, clock());
    }
  });
  for (const key of found.values()) needed.add(key);
  return wanted.map(({ digest }) => digest).filter((digest) => !found.has(digest));
}

/** Lets everything go, after a time, that the rebuilt registry doesn't need; returns how much that is. */
async function buryOthers(
  database: Database,
  objects: Objects,
  needed: ReadonlySet<BlobKey>,
  from: number,
): Promise<number> {
  const others = Object.values(objects)
    .flatMap((some) => [...some])
    .filter(([key]) => !needed.has(key));
  for (let at = 0; at < others.length; at += buriedTogether) {
    await database.transaction(async (writer) => {
      for (const [key, size] of others.slice(at, at + buriedTogether)) {
        await buryBlob(writer, { key, size }, from);
      }
    });
  }
  return others.length;
}

/** Reading the notes of manifests, as one item. */
function progressOf(progress: ProgressListener, notes: ReadonlyMap<BlobKey, number>) {
  const item = 'manifests';
  const totalBytes = [...notes.values()].reduce((sum, sizeBytes) => sum + sizeBytes, 0);
  progress({ kind: 'start', item, what: `put back ${notes.size} manifests`, totalBytes });
  return {
    advance: (keys: readonly BlobKey[]) => {
      const bytes = keys.reduce((sum, key) => sum + (notes.get(key) ?? 0), 0);
      progress({ kind: 'advance', item, bytes });
    },
    end: () => progress({ kind: 'done', item }),
  };
}
