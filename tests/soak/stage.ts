import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { PostgresDatabase } from '@img/registry/metadata/postgres/postgres-database';
import { parsePostgresLocation } from '@img/registry/metadata/postgres/postgres-location';
import {
  administer,
  cutConnections,
  findPostgres,
  postgresPassword,
  startPostgres,
} from '@img/registry/metadata/testing/start-postgres';
import { openS3Store } from '@img/registry/storage/s3/open-s3-store';
import type { S3BlobStore } from '@img/registry/storage/s3/s3-blob-store';
import { makeBucket, s3Credentials, s3Programs, startS3 } from '@img/registry/storage/testing/start-s3';
import { findProgram } from '@img/sign/testing/needs';
import { type FaultyRelay, startFaultyRelay } from './faulty-relay.ts';
import { Random } from './random.ts';

/** Time in which whoever was promised a blob must push its manifest; near zero, so that the collector never rests. */
export const graceMs = 6000;

/** Of the registry under test. */
const limits = {
  unneededMs: graceMs,
  uploadMs: 30_000,
  retentionMs: 500,
  // Each has all of the metadata, which grow while this goes on.
  snapshotMs: 10_000,
  sweepMs: 100,
  checkpointBytes: 1024 * 1024,
};

const databaseName = 'soak';

export type StageOptions = { readonly seed: number; readonly processes: number };

type Parts = {
  readonly databasePort: number;
  readonly storageUrl: (port?: number) => string;
  readonly relays: { readonly database: FaultyRelay; readonly storage: FaultyRelay };
  /** Where processes keep what was compiled of them, so that the next one starts in half the time. */
  readonly compiled: string;
};

type Served = { readonly url: string; readonly process: ChildProcess };

/** Whether the programs are installed that a soak test needs. */
export function canSoak(): boolean {
  return findPostgres() !== undefined && s3Program() !== undefined;
}

/** Processes of one registry over PostgreSQL and object storage, which they reach through relays that lose requests. */
export class Stage implements AsyncDisposable {
  readonly #databasePort: number;
  readonly #storageUrl: Parts['storageUrl'];
  readonly #relays: Parts['relays'];
  readonly #compiled: string;
  readonly #served = new Map<number, Served>();
  readonly #cleaning = new AsyncDisposableStack();

  private constructor({ databasePort, storageUrl, relays, compiled }: Parts, cleaning: AsyncDisposableStack) {
    this.#databasePort = databasePort;
    this.#storageUrl = storageUrl;
    this.#relays = relays;
    this.#compiled = compiled;
    this.#cleaning = cleaning;
  }

  static async open({ seed, processes }: StageOptions): Promise<Stage> {
    await using started = new AsyncDisposableStack();
    const programs = findPostgres();
    const s3 = s3Program();
    if (programs === undefined || s3 === undefined) {
      throw new Error('the soak test needs PostgreSQL and versitygw or minio: npm run tools installs them');
    }
    const postgres = started.adopt(await startPostgres(programs), (server) => server.stop());
    await administer(postgres.port, `CREATE DATABASE ${databaseName}`);
    const storage = started.adopt(await startS3(s3.path, s3.program), (server) => server.stop());
    const { location } = await makeBucket(storage.port);
    const relays = {
      database: started.adopt(await startFaultyRelay(postgres.port, new Random(seed)), (relay) =>
        relay.close(),
      ),
      storage: started.adopt(await startFaultyRelay(storage.port, new Random(seed + 1)), (relay) =>
        relay.close(),
      ),
    };
    const storageUrl = (port = storage.port) =>
      `s3://${location.bucket}/${location.prefix}?endpoint=http://127.0.0.1:${port}`;
    const compiled = started.adopt(await mkdtemp(join(tmpdir(), 'img-soak-')), (folder) =>
      rm(folder, { recursive: true, force: true }),
    );
    const parts = { databasePort: postgres.port, storageUrl, relays, compiled };
    const stage = new Stage(parts, started.move());
    for (let index = 0; index < processes; index += 1) await stage.#spawn(index);
    return stage;
  }

  /** Where the processes are reached that run now, as a load balancer knows it. */
  urls(): readonly string[] {
    return [...this.#served.values()].map(({ url }) => url);
  }

  /** How many connections were cut so far. */
  cuts(): number {
    return this.#relays.database.cuts() + this.#relays.storage.cuts();
  }

  /** How often requests to database and storage are lost, with their connections. */
  setRate(rate: number): void {
    for (const relay of Object.values(this.#relays)) relay.setRate(rate);
  }

  /** Ends all connections to the database at once. */
  async cutDatabase(): Promise<void> {
    await cutConnections(this.#databasePort);
  }

  /** Kills a process and starts another one in its place. */
  async kill(index: number): Promise<void> {
    const victim = this.#served.get(index) as Served;
    this.#served.delete(index);
    await end(victim);
    await this.#spawn(index);
  }

  /** Does something with the database, without a relay. */
  async withDatabase<T>(work: (database: PostgresDatabase) => Promise<T>): Promise<T> {
    const database = await PostgresDatabase.open(
      parsePostgresLocation(this.#databaseUrl(this.#databasePort)),
    );
    try {
      return await work(database);
    } finally {
      await database.close();
    }
  }

  /** Ends all processes at once, and opens what they leave behind, without a relay. */
  async inspect<T>(look: (database: PostgresDatabase, blobs: S3BlobStore) => Promise<T>): Promise<T> {
    await Promise.all([...this.#served.values()].map(end));
    return await this.withDatabase(async (database) => {
      const blobs = await openS3Store(this.#storageUrl(), storeEnvironment());
      try {
        return await look(database, blobs);
      } finally {
        blobs.close();
      }
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([...this.#served.values()].map(end));
    await this.#cleaning.disposeAsync();
  }

  #databaseUrl(port: number): string {
    return `postgres://tester:${postgresPassword}@127.0.0.1:${port}/${databaseName}?connections=8`;
  }

  /** Starts a process; while it can't reach its database because of the relay, again. */
  async #spawn(index: number): Promise<void> {
    const script = fileURLToPath(new URL('serve-child.ts', import.meta.url));
    const { database, storage } = this.#relays;
    const args = [this.#databaseUrl(database.port), this.#storageUrl(storage.port), JSON.stringify(limits)];
    for (;;) {
      const child = spawn(process.execPath, [script, ...args], {
        stdio: ['ignore', 'pipe', 'ignore'],
        env: { ...process.env, ...storeEnvironment().variables, NODE_COMPILE_CACHE: this.#compiled },
      });
      for await (const url of createInterface({ input: child.stdout })) {
        this.#served.set(index, { url, process: child });
        return;
      }
      await setTimeout(100);
    }
  }
}

async function end({ process: child }: Served): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill('SIGKILL');
  await once(child, 'exit');
}

function storeEnvironment() {
  const { accessKey, secretKey } = s3Credentials;
  return {
    variables: { AWS_ACCESS_KEY_ID: accessKey, AWS_SECRET_ACCESS_KEY: secretKey },
    homeFolder: '/nonexistent',
  };
}

/** The one that lists unfinished uploads comes first. */
function s3Program() {
  return s3Programs
    .toReversed()
    .map((program) => ({ program, path: findProgram(program.name) }))
    .find((entry): entry is typeof entry & { readonly path: string } => entry.path !== undefined);
}
