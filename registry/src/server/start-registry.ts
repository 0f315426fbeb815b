import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Database } from '../metadata/database.ts';
import { migrate } from '../metadata/migrate.ts';
import { SqliteDatabase } from '../metadata/sqlite-database.ts';
import type { BlobStore } from '../storage/blob-store.ts';
import { FileBlobStore } from '../storage/file-blob-store.ts';
import { makeFolder } from '../storage/make-folder.ts';
import { ensureAdministrator } from './administrator.ts';
import { shareRegistryKey } from './admission/registry-key.ts';
import { AccessPolicy } from './auth/access-policy.ts';
import { Authenticator } from './auth/authenticator.ts';
import { LogIn } from './auth/log-in.ts';
import { LogInLimit } from './auth/log-in-limit.ts';
import { TokenIssuer } from './auth/token-issuer.ts';
import { loadTokenKey, shareTokenKey } from './auth/token-key.ts';
import { keepWithinBounds } from './cache/evict-copies.ts';
import { PullThroughCache } from './cache/pull-through-cache.ts';
import { checkMetadata } from './check-metadata.ts';
import { createLog } from './create-log.ts';
import { networksOf } from './http/networks.ts';
import { listen } from './listen.ts';
import { measuredBlobStore } from './metrics/measured-blob-store.ts';
import type { Metrics } from './metrics/metrics.ts';
import { serveMetrics } from './metrics/serve-metrics.ts';
import { PullNotes } from './pull-notes.ts';
import { Recorder } from './recorder.ts';
import { createApp } from './registry-app.ts';
import type { RegistryOptions, RunningRegistry } from './registry-options.ts';
import { RequestLimit } from './request-limit.ts';
import { Scrubber } from './scrubber.ts';
import { ServerError } from './server-error.ts';
import { defaultLimits, shareOf } from './server-limits.ts';
import type { Services } from './services.ts';
import { Sweeper } from './sweeper.ts';
import { LiveDigests } from './uploads/live-digests.ts';
import { Turns } from './uploads/turns.ts';
import { UploadSlots } from './uploads/upload-slots.ts';

/** Name of the registry in its tokens, as issuer and audience. */
const service = 'img-registry';

/**
 * Starts a registry: blobs as files, metadata in SQLite, tokens signed with a key of its own, all in one folder; or
 * one of many processes that share a database and a blob store. Whatever an earlier process left there unfinished is
 * taken up or cleaned up.
 *
 * @throws ServerError, MetadataError SCHEMA_UNKNOWN or SCHEMA_NEWER
 */
export async function startRegistry(options: RegistryOptions): Promise<RunningRegistry> {
  const { dataFolder, clock = Date.now } = options;
  if (options.database === undefined || options.blobs === undefined) await makeDataFolder(dataFolder);
  const database = options.database ?? (await SqliteDatabase.open(join(dataFolder, 'metadata.sqlite')));
  const closeDatabase = () => (options.database === undefined ? database.close() : Promise.resolve());
  try {
    await migrate(database, { now: clock() });
    const blobs = options.blobs ?? (await FileBlobStore.open(join(dataFolder, 'storage')));
    await checkMetadata(database, blobs);
    const administrator = await ensureAdministrator(database, options.administrator ?? {}, clock());
    const metrics = await createMetrics(options, database);
    const services = await createServices(options, { database, store: blobs }, metrics);
    const server = await listen(options, services.limits, (isClosing) => {
      const answer = createApp(services, {
        isBehindProxy: options.isBehindProxy ?? false,
        isClosing,
      }).callback();
      return (request, response) => void answer(request, response);
    });
    const metricsServer =
      metrics &&
      options.metrics &&
      (await serveMetrics(() => metrics.text(), options.metrics, services.limits).catch(async (error) => {
        await server.close();
        throw error;
      }));
    services.sweeper.start();
    services.scrubber.start();
    services.cache.repeat(() => keepWithinBounds(services), services.limits.sweepMs);
    let closing: Promise<void> | undefined;
    const close: RunningRegistry['close'] = (closeOptions) => {
      const stopping = server.close(closeOptions);
      closing ??= stopping
        .then(() => services.cache.close())
        .then(() =>
          Promise.all([
            services.scrubber.close(),
            services.sweeper.close(),
            metricsServer?.close(closeOptions),
          ]),
        )
        .then(() => services.recorder.close())
        .then(closeDatabase);
      return closing;
    };
    const { host, port, url } = server;
    const metricsUrl = metricsServer && `${metricsServer.url}/metrics`;
    const families: RunningRegistry['families'] = async () => (await metrics?.families()) ?? [];
    return {
      host,
      port,
      url,
      metricsUrl,
      families,
      administrator,
      close,
      [Symbol.asyncDispose]: () => close(),
    };
  } catch (error) {
    await closeDatabase();
    throw error;
  }
}

/** What counts is loaded only where somebody reads it. */
async function createMetrics(
  { metrics, worker, clock = Date.now }: RegistryOptions,
  database: Database,
): Promise<Metrics | undefined> {
  if (metrics === undefined && worker?.isMeasured !== true) return undefined;
  const module = await import('./metrics/metrics.ts');
  return new module.Metrics({ database, clock, worker: worker?.number });
}

async function createServices(
  options: RegistryOptions,
  { database, store }: { readonly database: Database; readonly store: BlobStore },
  meter: Metrics | undefined,
): Promise<Services> {
  const { dataFolder, worker, clock = Date.now } = options;
  const limits = shareOf({ ...defaultLimits, ...options.limits }, worker?.count ?? 1);
  const log = createLog(options.log, worker?.number);
  const blobs = meter === undefined ? store : measuredBlobStore(store, meter);
  const key =
    options.database === undefined
      ? await loadTokenKey(join(dataFolder, 'token-key.pem'))
      : await shareTokenKey(database, clock());
  const policy = new AccessPolicy({ database, anonymousPull: options.anonymousPull ?? [] });
  const issuer = new TokenIssuer({ key, service, clock });
  const pulls = new PullNotes({ database, clock });
  const recorder = new Recorder({ database, blobs, limits, log, clock });
  const logIn = new LogIn({
    users: database,
    limit: new LogInLimit({ clock, workers: worker?.count ?? 1 }),
    clock,
  });
  return {
    database,
    blobs,
    policy,
    logIn,
    issuer,
    authenticator: new Authenticator({ logIn, issuer, policy, clock }),
    requestLimit: new RequestLimit({ clock, limits }),
    uploadSlots: new UploadSlots(limits.uploadsAtOnce),
    turns: new Turns(),
    liveDigests: new LiveDigests(),
    pulls,
    recorder,
    scrubber: new Scrubber({ database, blobs, limits, schedule: options.scrub, meter, log, clock }),
    sweeper: new Sweeper({ database, blobs, limits, pulls, recorder, log, clock }),
    cache: new PullThroughCache({
      upstreams: options.upstreams ?? [],
      folder: options.blobs === undefined ? dataFolder : tmpdir(),
    }),
    meter,
    limits,
    log,
    clock,
    publicUrl: options.publicUrl === undefined ? undefined : originOf(options.publicUrl),
    isNear: networksOf(options.nearNetworks ?? []),
    signer: await shareRegistryKey(database, clock()),
    trust: options.trust,
  };
}

/** Only the registry's own user gets in: there are password hashes and private images. */
async function makeDataFolder(folder: string): Promise<void> {
  try {
    await makeFolder(folder);
  } catch (cause) {
    throw new ServerError('DATA_FOLDER_UNUSABLE', `can't use ${folder}: ${(cause as Error).message}`, {
      cause,
      hint: 'name a folder that you may write to',
    });
  }
}

function originOf(publicUrl: string): string {
  const url = URL.parse(publicUrl);
  if (
    url === null ||
    !/^https?:$/.test(url.protocol) ||
    url.pathname !== '/' ||
    url.search + url.hash !== ''
  ) {
    throw new ServerError(
      'OPTION_INVALID',
      `the public URL should be like https://registry.example.com, not ${JSON.stringify(publicUrl)}`,
    );
  }
  return url.origin;
}
