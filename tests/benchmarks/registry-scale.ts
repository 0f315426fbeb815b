import { join } from 'node:path';
import type { Database } from '@img/registry/metadata/database';
import { PostgresDatabase } from '@img/registry/metadata/postgres/postgres-database';
import { parsePostgresLocation } from '@img/registry/metadata/postgres/postgres-location';
import { SqliteDatabase } from '@img/registry/metadata/sqlite-database';
import {
  administer,
  findPostgres,
  postgresPassword,
  startPostgres,
} from '@img/registry/metadata/testing/start-postgres';
import { makeFolder } from '@img/registry/storage/make-folder';
import { type Contestant, startImg } from './registry-contestants.ts';
import { fillMetadata } from './registry-large.ts';
import { load, newContent, p99, type Work } from './registry-load.ts';
import { median } from './report.ts';

/** How what must not grow with a registry is measured, and who hears of it. */
export type Scale = {
  /** Everything is kept below. */
  readonly folder: string;
  readonly rounds: number;
  readonly seconds: number;
  /** Processes that ours serves with. */
  readonly workers: number;
  readonly say: (line: string) => void;
  readonly note: (entry: { readonly title: string; readonly [name: string]: unknown }) => void;
};

/** Where the metadata of a registry are. */
type Place = { readonly data: string; readonly open: () => Promise<Database>; readonly url?: string };

const fewTags = 100;

/** Pages of a repository with many tags, beside those of one with few: both at the same time, in turns. */
export async function measureTagsPage(
  { folder, rounds, seconds, workers, say, note }: Scale,
  tags: number,
): Promise<void> {
  const sizes = [fewTags, tags];
  const contestants: Contestant[] = [];
  for (const size of sizes) {
    const place = await sqlitePlace(join(folder, `tags-${size}`));
    await fill(place, { blobs: 1, tags: size });
    contestants.push(await startImg(place.data, { workers }));
  }
  const results = new Map<number, number[]>(sizes.map((size) => [size, []]));
  // The first round warms up.
  for (let round = 0; round <= rounds; round += 1) {
    for (const [index, contestant] of contestants.entries()) {
      const size = sizes[index] as number;
      const work: Work = async (connection) => {
        const last = `v${String(Math.floor(Math.random() * size)).padStart(9, '0')}`;
        return (await connection.send('GET', `/v2/bench/app/tags/list?n=100&last=${last}`)).bytes;
      };
      const result = await load(contestant, work, { connections: 16, seconds });
      if (round > 0) results.get(size)?.push(p99(result));
    }
  }
  await Promise.all(contestants.map((contestant) => contestant.stop()));
  const [few = Number.NaN, many = Number.NaN] = sizes.map((size) => median(results.get(size) ?? []));
  say(
    `\np99 of a tags page, 16 connections: ${many.toFixed(1)} ms among ${tags} tags, ${few.toFixed(1)} ms among ${fewTags}: ${(many / few).toFixed(2)} x`,
  );
  note({ title: 'p99 of a tags page', tags, p99Ms: many, p99MsOfFew: few });
}

/** From the start of the process to its first answer, with many blobs and with one. */
export async function measureStart(scale: Scale, blobs: number): Promise<void> {
  for (const size of [1, blobs]) {
    await measureStarts(scale, await sqlitePlace(join(scale.folder, `start-${size}`)), {
      name: 'SQLite',
      blobs: size,
    });
  }
  const programs = findPostgres();
  if (programs === undefined) {
    scale.say('NOT MEASURED: a start with PostgreSQL, which is not installed');
    return;
  }
  const server = await startPostgres(programs);
  try {
    for (const size of [1, blobs]) {
      const name = `start_${size}`;
      await administer(server.port, `CREATE DATABASE ${name}`);
      const url = `postgres://tester:${postgresPassword}@127.0.0.1:${server.port}/${name}`;
      const open = () => PostgresDatabase.open(parsePostgresLocation(url));
      const place = { data: join(scale.folder, `postgres-${size}`), open, url };
      await measureStarts(scale, place, { name: 'PostgreSQL', blobs: size });
    }
  } finally {
    await server.stop();
  }
}

async function measureStarts(
  { rounds, workers, say, note }: Scale,
  place: Place,
  { name, blobs }: { readonly name: string; readonly blobs: number },
): Promise<void> {
  await fill(place, { blobs, tags: 1 });
  const startMs: number[] = [];
  // The first start makes keys and an administrator.
  for (let round = 0; round <= rounds; round += 1) {
    const contestant = await startImg(place.data, { workers, ...(place.url && { database: place.url }) });
    if (round > 0) startMs.push(contestant.startMs);
    await contestant.stop();
  }
  const [least, most] = [Math.min(...startMs), Math.max(...startMs)];
  say(
    `start with ${blobs} blobs in ${name}: ${median(startMs).toFixed(0)} ms to the first answer (${least.toFixed(0)} – ${most.toFixed(0)})`,
  );
  note({ title: 'start', database: name, blobs, startMs });
}

/** Resident memory after so much was pushed and pulled. */
export async function measureMemory({ folder, workers, say, note }: Scale, gigabytes: number): Promise<void> {
  const contestant = await startImg(join(folder, 'memory'), { workers });
  const before = await contestant.memory();
  const sizeBytes = 10_000_000;
  const result = await load(
    contestant,
    async (connection) => {
      const digest = await connection.pushBlob('bench/pushed', newContent(sizeBytes));
      return sizeBytes + (await connection.send('GET', `/v2/bench/pushed/blobs/${digest}`)).bytes;
    },
    { connections: 16, times: Math.ceil((gigabytes * 1e9) / (2 * sizeBytes)) },
  );
  const { nowMiB, mostMiB } = await contestant.memory();
  say(
    `\n${(result.bytes / 1e9).toFixed(1)} GB pushed and pulled, 16 connections, ${result.seconds.toFixed(0)} s: ` +
      `${nowMiB.toFixed(0)} MiB resident, ${mostMiB.toFixed(0)} MiB at most, ${before.nowMiB.toFixed(0)} MiB before`,
  );
  note({ title: 'memory', bytes: result.bytes, beforeMiB: before.nowMiB, nowMiB, mostMiB });
  await contestant.stop();
}

async function sqlitePlace(data: string): Promise<Place> {
  await makeFolder(data);
  return { data, open: () => SqliteDatabase.open(join(data, 'metadata.sqlite')) };
}

async function fill({ open }: Place, size: Parameters<typeof fillMetadata>[1]): Promise<void> {
  const database = await open();
  try {
    await fillMetadata(database, size);
  } finally {
    await database.close();
  }
}
