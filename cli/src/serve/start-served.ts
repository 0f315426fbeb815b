import { join, resolve } from 'node:path';
import type { MetricFamilies } from '@img/registry/server/metrics/merge-families';
import type { RegistryOptions, RunningRegistry } from '@img/registry/server/registry-options';
import { startRegistry } from '@img/registry/server/start-registry';
import { parseNamePrefix } from '@img/spec/name-prefix';
import { parseArgument } from '../argument.ts';
import { CliError } from '../cli-error.ts';
import type { Session } from '../command.ts';
import { variable } from '../environment.ts';
import { openLog } from './open-log.ts';
import { type OpenStores, openStores } from './open-stores.ts';
import { readKeyring } from './read-keyring.ts';
import { type ServeOptions, usualAdministrator, usualListen, usualScrubRate } from './serve-options.ts';
import { readUpstream } from './upstreams.ts';

/** What there is to tell of a registry that has started; plain data. */
export type ServedFacts = Pick<RunningRegistry, 'url' | 'host' | 'metricsUrl' | 'administrator'> & {
  /** Where it keeps what is not in its data folder. */
  readonly stores: readonly string[];
};

/** A registry that runs. Disposing of it waits until the requests under way are answered. */
export type Served = AsyncDisposable & {
  readonly facts: ServedFacts;
  readonly families: () => Promise<MetricFamilies>;
};

/**
 * Starts a registry as `img serve` was told.
 *
 * @param place what a worker is told besides
 * @throws CliError, ServerError, MetadataError, BlobStoreError
 */
export async function startServed(
  session: Pick<Session, 'config' | 'environment' | 'output'>,
  options: ServeOptions,
  place: Pick<RegistryOptions, 'administrator' | 'worker'> = {},
): Promise<Served> {
  await using opened = new AsyncDisposableStack();
  const { environment } = session;
  const stores = opened.adopt(await openStores(environment, options), (found) => found.close());
  const trust =
    options.keyring === undefined ? {} : { trust: await readKeyring(environment, options.keyring) };
  const upstreams = await Promise.all((options.copies ?? []).map(readUpstream));
  const log =
    options.log === undefined ? {} : { log: opened.use(await openLog(options.log, session.output)) };
  const registry = opened.use(
    await startRegistry({
      ...registryOptions(session, options, stores),
      ...trust,
      ...log,
      upstreams,
      ...place,
    }),
  );
  const { url, host, metricsUrl, administrator, families } = registry;
  const closing = opened.move();
  return {
    facts: { url, host, metricsUrl, administrator, stores: stores.names },
    families,
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
}

function registryOptions(
  { config, environment }: Pick<Session, 'config' | 'environment'>,
  options: ServeOptions,
  { blobs, database }: OpenStores,
): RegistryOptions {
  const password = variable(environment, 'IMG_ADMIN_PASSWORD');
  return {
    ...(options.listen ?? usualListen),
    ...tlsOptions(options),
    ...(options.metrics === undefined ? {} : { metrics: options.metrics }),
    dataFolder: resolve(environment.workingFolder, options.data ?? join(config.rootFolder, 'registry')),
    administrator: {
      name: options.admin ?? usualAdministrator,
      ...(password === undefined ? {} : { password }),
    },
    anonymousPull: (options.public ?? []).map((prefix) => parseArgument(parseNamePrefix, prefix)),
    isBehindProxy: options.behindProxy === true,
    ...(blobs === undefined ? {} : { blobs }),
    ...(database === undefined ? {} : { database }),
    nearNetworks: options.relay ?? [],
    ...(options.publicUrl === undefined ? {} : { publicUrl: options.publicUrl }),
    limits: {
      ...(options.requestsPerSecond === undefined ? {} : { requestsPerSecond: options.requestsPerSecond }),
      ...(options.uploadsAtOnce === undefined ? {} : { uploadsAtOnce: options.uploadsAtOnce }),
    },
    ...scrubOptions(options),
  };
}

/** @throws CliError USAGE for one of the files without the other */
function tlsOptions({ tlsCertificate, tlsKey }: ServeOptions): Pick<RegistryOptions, 'tls'> {
  if (tlsCertificate === undefined && tlsKey === undefined) return {};
  if (tlsCertificate !== undefined && tlsKey !== undefined) {
    return { tls: { certificate: tlsCertificate, key: tlsKey } };
  }
  throw new CliError('USAGE', 'a certificate needs its key, and a key its certificate', {
    hint: 'give --tls-certificate and --tls-key',
  });
}

/** @throws CliError USAGE for a speed of nothing */
function scrubOptions({ scrubEvery, scrubRate }: ServeOptions): Pick<RegistryOptions, 'scrub'> {
  if (scrubEvery !== undefined) {
    return { scrub: { everyMs: scrubEvery * 1000, bytesPerSecond: scrubRate ?? usualScrubRate } };
  }
  if (scrubRate === undefined) return {};
  throw new CliError('USAGE', 'a speed is given, but not when to scrub', { hint: 'add --scrub-every 7d' });
}
