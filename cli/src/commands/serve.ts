import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import type { RegistryOptions } from '@img/registry/server/registry-options';
import { startRegistry } from '@img/registry/server/start-registry';
import { parseNamePrefix } from '@img/spec/name-prefix';
import type { Command } from 'commander';
import { parseArgument } from '../argument.ts';
import { CliError } from '../cli-error.ts';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { variable } from '../environment.ts';
import { aliasOf } from '../host/short-name.ts';
import type { Output } from '../output/output.ts';
import { bold } from '../output/text.ts';
import { type OpenStores, openStores } from '../serve/open-stores.ts';
import { readKeyring } from '../serve/read-keyring.ts';
import {
  addServeOptions,
  type ServeOptions,
  usualAdministrator,
  usualListen,
  usualScrubRate,
} from '../serve/serve-options.ts';
import { readServeSettings } from '../serve/serve-settings.ts';
import { readUpstream } from '../serve/upstreams.ts';

export function configure(command: Command, context: CommandContext): void {
  addServeOptions(command);
  command.addHelpText('after', storesHelp);
  command.addHelpText('after', cacheHelp);
  addExamples(
    command,
    'img serve',
    "img serve --listen 0.0.0.0:5000 --public '*'",
    'img serve --listen 127.0.0.1:0 --json',
    'img serve --listen 0.0.0.0:443 --tls-certificate server.pem --tls-key key.pem --metrics 127.0.0.1:9090',
    'img serve --settings /etc/img/registry.yaml',
    'img serve --copies hub/=docker.io --public hub/',
    'img serve --storage s3://images?region=eu-central-1 --database postgres://registry@db.example.com/registry',
  );
  onRun(command, context, serve);
}

async function serve(
  session: Session,
  { settings, ...given }: ServeOptions & { readonly settings?: string },
): Promise<void> {
  const read = settings === undefined ? {} : await readServeSettings(session.environment, settings);
  const options = { ...read, ...given };
  const stores = await openStores(session.environment, options);
  try {
    await serveFrom(stores, session, options);
  } finally {
    await stores.close();
  }
}

async function serveFrom(stores: OpenStores, session: Session, options: ServeOptions): Promise<void> {
  const { config, environment, output, signal } = session;
  const trust =
    options.keyring === undefined ? {} : { trust: await readKeyring(environment, options.keyring) };
  const upstreams = await Promise.all((options.copies ?? []).map(readUpstream));
  const registry = await startRegistry({ ...registryOptions(session, options, stores), ...trust, upstreams });
  const { url, host, administrator, metricsUrl } = registry;
  const { name, newPassword } = administrator;
  output.result({ url, host, metricsUrl, administrator: { name, newPassword } }, () => [
    ['registry: ', bold(url)],
    ...(newPassword === undefined ? [] : [[`password of ${name}, shown only now: `, bold(newPassword)]]),
  ]);
  for (const store of stores.names) output.story(`uses ${store}`);
  for (const { names, registry: from } of upstreams) output.story(`copies ${from} as ${names}`);
  const alias = aliasOf(host, config);
  if (alias === undefined) {
    output.story(
      'to give it a short name, write into config.yaml (img config --help says where):',
      `  registries: {aliases: {work: "${addressOf(url, options)}"}}`,
    );
  }
  output.story(`its pages are at ${url}, for browsers`);
  if (metricsUrl !== undefined) output.story(`its metrics are at ${metricsUrl}, for Prometheus`);
  output.story(`log in with img login ${alias ?? host} --username ${name}; stop with Ctrl-C`);
  if (!signal.aborted) await once(signal, 'abort');
  output.story('stopping as soon as requests under way are answered; Ctrl-C again to cut them off');
  await registry.close();
}

/** How other hosts reach it, as config.yaml has it: without encryption only where that is said. */
function addressOf(url: string, { listen = usualListen, publicUrl }: ServeOptions): string {
  const { protocol, host, port } = new URL(publicUrl ?? url);
  if (protocol === 'https:' || isLoopback(listen.address)) return host;
  const isAnyAddress = listen.address === '0.0.0.0' || listen.address === '::';
  return `http://${isAnyAddress && publicUrl === undefined ? `${hostname()}:${port || 80}` : host}`;
}

function isLoopback(address: string): boolean {
  return address === 'localhost' || address === '::1' || address.startsWith('127.');
}

function registryOptions(
  { config, environment, output }: Session,
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
    ...(options.log === undefined ? {} : { log: logStream(options.log, output) }),
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

function logStream(file: string, output: Output): NonNullable<RegistryOptions['log']> {
  // What clients send is in these lines, too.
  if (file === '-') return { write: (line) => output.error([line.trimEnd()]) };
  return createWriteStream(file, { flags: 'a', mode: 0o600 });
}

const cacheHelp = `
Copies of other registries, brought when they are asked for, with their signatures; --copies hub/=docker.io, or in a
file of settings:

  copies:
    - names: hub/                        hub/library/debian here is library/debian there; "*" for all names
      registry: docker.io                [http[s]://]HOST[:PORT]
      fresh-minutes: 10                  how long a tag is not asked for again
      keep-days: 30                      what nobody has pulled for so long goes; it stays by default
      keep-gigabytes: 100                then those go that were pulled longest ago; any size by default
      username: example                  who this registry is there; whoever may pull the names gets what that user may
      password-file: hub-password        a file with nothing else in it
      certificates: ca.pem               certificates to trust, in PEM
    Nobody pushes to such names. What is here is served when the other registry fails, with a Warning header.
    Docker's mirrors need names: "*"; containerd's name the registry that they mean (ns=).`;

const storesHelp = `
Any number of processes can serve one registry that has both of these, behind any load balancer:

  --storage s3://BUCKET[/PREFIX][?PARAMETERS], or IMG_STORAGE
    endpoint=https://HOST[:PORT]         another storage than Amazon's
    region=us-east-1                     where the bucket is
    path-style=true|false                whether the bucket is in the path; true with an endpoint
    ca=FILE                              certificates to trust, in PEM
    redirect=true|false                  whether clients read blobs from the storage itself
    public-endpoint=https://HOST[:PORT]  where clients reach the storage; sets redirect
    The credentials are AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or in the file
    AWS_SHARED_CREDENTIALS_FILE (~/.aws/credentials), section AWS_PROFILE.

  --database postgres://USER@HOST[:PORT]/DATABASE[?PARAMETERS], or IMG_DATABASE
    host=/run/postgresql                 the folder of a Unix socket, after postgres://USER@/DATABASE
    sslmode=disable|require|verify-full  verify-full by default, disable on this machine
    sslrootcert=FILE                     certificates to trust, in PEM
    connections=16                       how many one process opens at most
    The password is in IMG_DATABASE (postgres://USER:PASSWORD@…), PGPASSWORD or the file PGPASSFILE.`;
