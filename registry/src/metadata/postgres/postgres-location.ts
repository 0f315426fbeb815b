import { quote } from '@img/spec/quote';
import { MetadataError } from '../metadata-error.ts';

/** How a connection is protected: not at all, encrypted, or with a certificate that is checked as well. */
export type TlsMode = 'disable' | 'require' | 'verify-full';

/** Where a PostgreSQL database is, and how it is reached. */
export type PostgresLocation = {
  /** A name, an address, or the folder of a Unix socket. */
  readonly host: string;
  readonly port: number;
  readonly database: string;
  readonly user: string;
  /** Undefined where PGPASSWORD or a password file has it, or none is needed. */
  readonly password: string | undefined;
  readonly tls: TlsMode;
  /** Path of a file with the certificates to trust, in PEM. */
  readonly caFile: string | undefined;
  /** How many connections one process has at most. */
  readonly connections: number;
};

const parameterNames: readonly string[] = ['host', 'sslmode', 'sslrootcert', 'connections'];
const tlsModes: readonly TlsMode[] = ['disable', 'require', 'verify-full'];

const example = 'postgres://registry@db.example.com/registry';

/** One process has no use for more: PostgreSQL works on them with as many processes of its own. */
const defaultConnections = 16;

/**
 * Reads `postgres://USER[:PASSWORD]@HOST[:PORT]/DATABASE[?sslmode=…][&sslrootcert=FILE][&connections=N]`; the folder
 * of a Unix socket is a parameter, `postgres://USER@/DATABASE?host=/run/postgresql`. Connections to other machines
 * are encrypted and their certificates checked unless sslmode says otherwise.
 *
 * @throws MetadataError LOCATION_INVALID
 */
export function parsePostgresLocation(text: string): PostgresLocation {
  const [, authority = '', path = '', search = ''] =
    /^postgres(?:ql)?:\/\/([^/?#]*)\/([^/?#]*)(\?[^#]*)?$/.exec(text) ?? [];
  const [, userInfo, place = ''] = /^(?:(.*)@)?(.*)$/.exec(authority) ?? [];
  const [, user = '', password] = /^([^:]*)(?::(.*))?$/.exec(userInfo ?? '') ?? [];
  const parameters = parseParameters(search);
  const [, name = '', ipv6 = '', port = '5432'] =
    /^(?:([^:[\]]*)|\[([0-9a-fA-F:]+)\])(?::(\d{1,5}))?$/.exec(place) ?? [];
  const host = decoded(name) || ipv6 || parameters.get('host') || '';
  // What was typed may have a password in it, so it is not repeated.
  if (path === '' || user === '' || host === '') {
    throw invalid(`the database should be like ${example}, with a user, a host and the name of the database`);
  }
  const isHere = host.startsWith('/') || /^(localhost|127\.[\d.]+|::1)$/.test(host);
  return {
    host,
    port: parseNumber('the port', port, 65_535),
    database: decoded(path),
    user: decoded(user),
    password: password === undefined ? undefined : decoded(password),
    tls: parseTls(parameters.get('sslmode')) ?? (isHere ? 'disable' : 'verify-full'),
    caFile: parameters.get('sslrootcert'),
    connections: parseNumber(
      'connections',
      parameters.get('connections') ?? String(defaultConnections),
      1000,
    ),
  };
}

function parseParameters(search: string): ReadonlyMap<string, string> {
  const parameters = new Map<string, string>();
  for (const [name, value] of new URLSearchParams(search)) {
    if (!parameterNames.includes(name)) {
      throw invalid(`the database has no parameter ${quote(name)}; there are ${parameterNames.join(', ')}`);
    }
    if (parameters.has(name)) throw invalid(`the database has the parameter ${name} twice`);
    if (value === '') throw invalid(`the parameter ${name} of the database is empty`);
    parameters.set(name, value);
  }
  return parameters;
}

function parseTls(text: string | undefined): TlsMode | undefined {
  if (text === undefined) return undefined;
  const mode = tlsModes.find((candidate) => candidate === text);
  if (mode === undefined) throw invalid(`sslmode should be ${tlsModes.join(', ')}, not ${quote(text)}`);
  return mode;
}

function parseNumber(what: string, text: string, most: number): number {
  const number = /^\d{1,5}$/.test(text) ? Number(text) : 0;
  if (number >= 1 && number <= most) return number;
  throw invalid(`${what} should be a number from 1 to ${most}, not ${quote(text)}`);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (cause) {
    throw invalid('a part of the database is not percent-encoded', cause);
  }
}

function invalid(message: string, cause?: unknown): MetadataError {
  return new MetadataError('LOCATION_INVALID', message, { cause, hint: `for example: ${example}` });
}
