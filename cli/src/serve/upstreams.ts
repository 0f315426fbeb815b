import type { UpstreamOptions } from '@img/registry/server/cache/upstream';
import { parseNamePrefix } from '@img/spec/name-prefix';
import { quote } from '@img/spec/quote';
import { InvalidArgumentError } from 'commander';
import { parseArgument } from '../argument.ts';
import { CliError } from '../cli-error.ts';
import { parseRegistryAddress, type RegistryAddress } from '../config/registry-address.ts';
import { readSmallFile } from '../read-small-file.ts';

/** Names that are copies of another registry, as typed or as a file of settings has them. */
export type UpstreamSettings = {
  readonly names: string;
  readonly registry: string;
  readonly freshMinutes?: number;
  readonly keepDays?: number;
  readonly keepGigabytes?: number;
  readonly username?: string;
  /** A file with nothing else in it. */
  readonly passwordFile?: string;
  /** A file of certificates to trust, in PEM. */
  readonly certificates?: string;
};

const passwordBytes = 4096;
const certificatesBytes = 1024 * 1024;
const minuteMs = 60_000;

/** Gathers `hub/=docker.io`, for an option that may stand several times. */
export function collectUpstream(
  text: string,
  before: readonly UpstreamSettings[] = [],
): readonly UpstreamSettings[] {
  const [, names, registry] = /^([^=]+)=([^=]+)$/.exec(text) ?? [];
  if (names !== undefined && registry !== undefined) return [...before, { names, registry }];
  throw new InvalidArgumentError(
    'It should be the beginning of names and a registry, such as hub/=docker.io.',
  );
}

/**
 * What the registry is told of another one that it copies; reads the files that the settings name.
 *
 * @throws CliError USAGE
 */
export async function readUpstream(settings: UpstreamSettings): Promise<UpstreamOptions> {
  const { names, registry, freshMinutes, keepDays, keepGigabytes, username, passwordFile, certificates } =
    settings;
  if ((username === undefined) !== (passwordFile === undefined)) {
    throw new CliError(
      'USAGE',
      `the copies of ${quote(registry)} need both a username and a password-file, or neither`,
    );
  }
  if (names !== '*' && !names.endsWith('/')) {
    throw new CliError('USAGE', `names of copies should begin with a part such as hub/, not ${quote(names)}`);
  }
  const { host, isPlainHttp } = parseArgument(addressOf, registry);
  return {
    names: parseArgument(parseNamePrefix, names),
    registry: host,
    ...(isPlainHttp ? { scheme: 'http' } : {}),
    ...(certificates === undefined ? {} : { certificates: await readText(certificates, certificatesBytes) }),
    ...(username === undefined || passwordFile === undefined
      ? {}
      : {
          credentials: {
            kind: 'password',
            username,
            password: (await readText(passwordFile, passwordBytes)).trim(),
          },
        }),
    ...(freshMinutes === undefined ? {} : { freshMs: freshMinutes * minuteMs }),
    ...(keepDays === undefined ? {} : { keepMs: keepDays * 24 * 60 * minuteMs }),
    ...(keepGigabytes === undefined ? {} : { keepBytes: keepGigabytes * 1e9 }),
  };
}

function addressOf(text: string): RegistryAddress {
  return parseRegistryAddress({ text, origin: 'copies' });
}

async function readText(path: string, maxBytes: number): Promise<string> {
  const bytes = await readSmallFile(path, { maxBytes });
  if (bytes !== undefined) return new TextDecoder().decode(bytes);
  throw new CliError('USAGE', `there is no file ${quote(path)}`);
}
