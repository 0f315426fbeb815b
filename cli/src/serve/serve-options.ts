import { quote } from '@img/spec/quote';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { CliError } from '../cli-error.ts';
import { type Environment, variable } from '../environment.ts';
import { parseCount, parseDuration, parseRate } from '../option-values.ts';
import type { StoreOptions } from './open-stores.ts';
import { collectUpstream, type UpstreamSettings } from './upstreams.ts';

export type ListenAddress = { readonly address: string; readonly port: number };

/** What `img serve` can be told, on the command line or in a file of settings. */
export type ServeOptions = {
  readonly listen?: ListenAddress;
  readonly tlsCertificate?: string;
  readonly tlsKey?: string;
  readonly metrics?: ListenAddress;
  readonly data?: string;
  readonly public?: readonly string[];
  readonly admin?: string;
  readonly publicUrl?: string;
  readonly behindProxy?: boolean;
  readonly log?: string;
  readonly relay?: readonly string[];
  readonly keyring?: string;
  readonly requestsPerSecond?: number;
  readonly uploadsAtOnce?: number;
  readonly workers?: number;
  /** In seconds. */
  readonly scrubEvery?: number;
  /** In bytes per second. */
  readonly scrubRate?: number;
  readonly copies?: readonly UpstreamSettings[];
} & StoreOptions;

export const usualListen: ListenAddress = { address: '127.0.0.1', port: 5000 };
export const usualAdministrator = 'admin';
export const usualScrubRate = 50_000_000;

export function addServeOptions(command: Command): void {
  command
    .option('--settings <file>', 'read options from a YAML file; those given here go before it')
    .addOption(
      new Option(
        '--listen <address:port>',
        'where to listen, by default 127.0.0.1:5000; port 0 is any free one',
      ).argParser(parseListen),
    )
    .option('--tls-certificate <file>', 'speak HTTPS with this certificate, in PEM; renewed ones are noticed')
    .option('--tls-key <file>', 'the private key of the certificate, in PEM')
    .option('--data <folder>', 'where the registry keeps its data; by default registry below the root folder')
    .option('--storage <url>', 'keep blobs in an S3 bucket instead; see below')
    .option('--database <url>', 'keep metadata in PostgreSQL instead; see below')
    .option(
      '--relay <network...>',
      'networks whose clients get blobs from here, because they cannot reach S3',
    )
    .option('--public <prefix...>', 'names that everybody may pull, such as com.example. or *')
    .addOption(
      new Option(
        '--copies <names=registry>',
        'names that are copies of another registry, such as hub/=docker.io; may stand several times, see below',
      ).argParser(collectUpstream),
    )
    .option(
      '--admin <name>',
      'who may do everything, by default admin; the password is IMG_ADMIN_PASSWORD or made up once',
    )
    .option('--public-url <url>', 'where clients reach it, if it is behind a proxy')
    .option('--behind-proxy', 'believe the X-Forwarded headers of a proxy that nobody gets past')
    .option('--keyring <folder>', 'trust documents by which its pages show who signed an image')
    .option('--requests-per-second <count>', 'of each user, on average; any number by default', parseCount)
    .option('--uploads-at-once <count>', 'of each user, at each worker; 100 by default', parseCount)
    .option(
      '--workers <count>',
      'serve with so many processes, to use as many processors, or IMG_WORKERS; 1 by default, see below',
      parseWorkers,
    )
    .option('--metrics <address:port>', 'where Prometheus reads /metrics, without a password', parseListen)
    .option(
      '--scrub-every <time>',
      'read all that is stored again after this time, such as 7d, and let damaged blobs be pushed again',
      parseDuration,
    )
    .option('--scrub-rate <speed>', 'how fast it reads then; 50MB/s by default', parseRate)
    .option('--log <file>', 'write a line of JSON for each request; - for stderr');
}

/**
 * How many processes are to serve.
 *
 * @throws CliError USAGE for a variable IMG_WORKERS that is no such number
 */
export function countWorkers(environment: Environment, { workers }: ServeOptions): number {
  const text = variable(environment, 'IMG_WORKERS');
  if (workers !== undefined || text === undefined) return workers ?? 1;
  if (workersPattern.test(text)) return Number(text);
  throw new CliError('USAGE', `IMG_WORKERS should be a whole number from 1 to 64, not ${quote(text)}`);
}

function parseWorkers(text: string): number {
  if (workersPattern.test(text)) return Number(text);
  throw new InvalidArgumentError('It should be a whole number from 1 to 64.');
}

/** More than 64 have no use: they share one disk, and one writer of one database. */
export const workersPattern = /^(?:[1-9]|[1-5]\d|6[0-4])$/;

/** An address and a port. */
export function parseListen(text: string): ListenAddress {
  const [, address, ipv6, port] = listenPattern.exec(text) ?? [];
  const host = address ?? ipv6;
  if (host !== undefined && Number(port) <= 65_535) return { address: host, port: Number(port) };
  throw new InvalidArgumentError('It should be an address and a port, such as 0.0.0.0:5000 or [::]:5000.');
}

const listenPattern = /^(?:([^:[\]]+)|\[([0-9a-fA-F:]+)\]):(\d{1,5})$/;
