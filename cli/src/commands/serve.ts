import { once } from 'node:events';
import { createWriteStream } from 'node:fs';
import { hostname } from 'node:os';
import { join, resolve } from 'node:path';
import type { RegistryOptions } from '@img/registry/server/registry-options';
import { startRegistry } from '@img/registry/server/start-registry';
import { parseNamePrefix } from '@img/spec/name-prefix';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { parseArgument } from '../argument.ts';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { variable } from '../environment.ts';
import { aliasOf } from '../host/short-name.ts';
import type { Output } from '../output/output.ts';
import { bold } from '../output/text.ts';
import { type OpenStores, openStores, type StoreOptions } from '../serve/open-stores.ts';
import { readKeyring } from '../serve/read-keyring.ts';

type ServeOptions = {
  readonly listen: ListenAddress;
  readonly data?: string;
  readonly public?: readonly string[];
  readonly admin: string;
  readonly publicUrl?: string;
  readonly behindProxy?: boolean;
  readonly log?: string;
  readonly relay?: readonly string[];
  readonly keyring?: string;
} & StoreOptions;

type ListenAddress = { readonly address: string; readonly port: number };

export function configure(command: Command, context: CommandContext): void {
  command
    .addOption(
      new Option('--listen <address:port>', 'where to listen; port 0 is any free one')
        .argParser(parseListen)
        .default({ address: '127.0.0.1', port: 5000 }, '127.0.0.1:5000'),
    )
    .option('--data <folder>', 'where the registry keeps its data; by default registry below the root folder')
    .option('--storage <url>', 'keep blobs in an S3 bucket instead; see below')
    .option('--database <url>', 'keep metadata in PostgreSQL instead; see below')
    .option(
      '--relay <network...>',
      'networks whose clients get blobs from here, because they cannot reach S3',
    )
    .option('--public <prefix...>', 'names that everybody may pull, such as com.example. or *')
    .option(
      '--admin <name>',
      'who may do everything; the password is IMG_ADMIN_PASSWORD or made up once',
      'admin',
    )
    .option('--public-url <url>', 'where clients reach it, if it is behind a proxy')
    .option('--behind-proxy', 'believe the X-Forwarded headers of a proxy that nobody gets past')
    .option('--keyring <folder>', 'trust documents by which its pages show who signed an image')
    .option('--log <file>', 'write a line of JSON for each request; - for stderr');
  command.addHelpText('after', storesHelp);
  addExamples(
    command,
    'img serve',
    "img serve --listen 0.0.0.0:5000 --public '*'",
    'img serve --listen 127.0.0.1:0 --json',
    'img serve --storage s3://images?region=eu-central-1 --database postgres://registry@db.example.com/registry',
  );
  onRun(command, context, serve);
}

async function serve(session: Session, options: ServeOptions): Promise<void> {
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
  const registry = await startRegistry({ ...registryOptions(session, options, stores), ...trust });
  const { url, host, administrator } = registry;
  const { name, newPassword } = administrator;
  output.result({ url, host, administrator: { name, newPassword } }, () => [
    ['registry: ', bold(url)],
    ...(newPassword === undefined ? [] : [[`password of ${name}, shown only now: `, bold(newPassword)]]),
  ]);
  for (const store of stores.names) output.story(`uses ${store}`);
  const alias = aliasOf(host, config);
  if (alias === undefined) {
    output.story(
      'to give it a short name, write into config.yaml (img config --help says where):',
      `  registries: {aliases: {work: "${addressOf(url, options)}"}}`,
    );
  }
  output.story(`its pages are at ${url}, for browsers`);
  output.story(`log in with img login ${alias ?? host} --username ${name}; stop with Ctrl-C`);
  if (!signal.aborted) await once(signal, 'abort');
  output.story('stopping as soon as requests under way are answered; Ctrl-C again to cut them off');
  await registry.close();
}

/** How other hosts reach it, as config.yaml has it: without encryption only where that is said. */
function addressOf(url: string, { listen, publicUrl }: ServeOptions): string {
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
    ...options.listen,
    dataFolder: resolve(environment.workingFolder, options.data ?? join(config.rootFolder, 'registry')),
    administrator: { name: options.admin, ...(password === undefined ? {} : { password }) },
    anonymousPull: (options.public ?? []).map((prefix) => parseArgument(parseNamePrefix, prefix)),
    isBehindProxy: options.behindProxy === true,
    ...(blobs === undefined ? {} : { blobs }),
    ...(database === undefined ? {} : { database }),
    nearNetworks: options.relay ?? [],
    ...(options.publicUrl === undefined ? {} : { publicUrl: options.publicUrl }),
    ...(options.log === undefined ? {} : { log: logStream(options.log, output) }),
  };
}

function logStream(file: string, output: Output): NonNullable<RegistryOptions['log']> {
  // What clients send is in these lines, too.
  if (file === '-') return { write: (line) => output.error([line.trimEnd()]) };
  return createWriteStream(file, { flags: 'a', mode: 0o600 });
}

function parseListen(text: string): ListenAddress {
  const [, address, ipv6, port] = /^(?:([^:[\]]+)|\[([0-9a-fA-F:]+)\]):(\d{1,5})$/.exec(text) ?? [];
  const host = address ?? ipv6;
  if (host !== undefined && Number(port) <= 65_535) return { address: host, port: Number(port) };
  throw new InvalidArgumentError('It should be an address and a port, such as 0.0.0.0:5000 or [::]:5000.');
}

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
