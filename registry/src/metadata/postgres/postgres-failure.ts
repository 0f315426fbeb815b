import type { CodedErrorOptions } from '@img/spec/coded-error';
import { MetadataError } from '../metadata-error.ts';

/** Codes of PostgreSQL, appendix A of its manual: transactions that got into each other's way. */
const conflicts: ReadonlySet<unknown> = new Set(['40001', '40P01']);

/** Something is there that the transaction could not see yet: a row or table of one that ended in between. */
const collisions: ReadonlySet<unknown> = new Set(['23505', '42P07', '42710']);

/** The server is starting, stopping, full, now a copy that takes no writes, or has too much to do at once. */
const unavailable = /^(08\w{3}|57P0[1-5]|53300|25006|40001|40P01)$/;

/** The server doesn't know us, the password or the database. */
const refusals = /^(28\w{3}|3D000|42501)$/;

const systemCodes =
  /^(ECONN\w+|EPIPE|ETIMEDOUT|ENOTFOUND|EAI_AGAIN|EHOSTUNREACH|ENETUNREACH|ENOENT|EACCES|ENOTSOCK)$/;

/** What the driver says, without a code, of connections that broke or could not be had. */
const driverMessages =
  /^(Connection terminated|timeout exceeded|Client has encountered|The server does not support SSL)/;

export function isConflict(error: unknown): boolean {
  return conflicts.has(codeOf(error));
}

export function isCollision(error: unknown): boolean {
  return collisions.has(codeOf(error));
}

/** Turns what the driver throws into an error that says which database it was; everything else stays as it is. */
export function failureOf(database: string, cause: unknown): unknown {
  if (!(cause instanceof Error) || cause instanceof MetadataError) return cause;
  const code = String(codeOf(cause) ?? '');
  const message = `${database} can't be asked: ${describe(cause)}`;
  if (refusals.test(code)) return new MetadataError('DATABASE_REFUSED', message, { cause, ...hintFor(code) });
  const isTls = /CERT|SELF_SIGNED|ERR_SSL|ERR_TLS/.test(code) || /support SSL/.test(cause.message);
  if (isTls) {
    return new MetadataError('DATABASE_REFUSED', message, {
      cause,
      hint: 'name the certificate to trust with sslrootcert, or say sslmode=disable if nobody can listen',
    });
  }
  const isAway = unavailable.test(code) || systemCodes.test(code) || driverMessages.test(cause.message);
  if (!isAway) return cause;
  return new MetadataError('DATABASE_UNREACHABLE', message, {
    cause,
    hint: 'check that the address of the database is right, that it runs, and that it has connections left',
  });
}

/** Where a name has several addresses and none takes the connection, the message is in the parts. */
function describe(error: Error): string {
  if (!(error instanceof AggregateError) || error.message !== '') return error.message;
  return error.errors.map((part) => (part as Error).message).join(', ');
}

function codeOf(error: unknown): unknown {
  return (error as { readonly code?: unknown } | undefined)?.code;
}

function hintFor(code: string): Pick<CodedErrorOptions, 'hint'> {
  if (code === '3D000')
    return { hint: 'make the database: createdb --encoding=UTF8 --template=template0 NAME' };
  if (code === '42501') return { hint: 'make the user the owner of the database' };
  return { hint: 'check the name of the user, and the password in PGPASSWORD or the file PGPASSFILE' };
}
