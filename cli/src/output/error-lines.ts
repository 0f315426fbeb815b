import { getSystemErrorMap } from 'node:util';
import { NotTrustedError } from '@img/runtime/trust/not-trusted-error';
import { CodedError } from '@img/spec/coded-error';
import { quote } from '@img/spec/quote';
import { dim, type Line, red } from './text.ts';

export type ErrorLineOptions = {
  /** Also tells what led to the error, and where in the program an unexpected one was thrown. */
  readonly verbose: boolean;
};

const deepestCause = 10;

const systemHints: { readonly [code: string]: string } = {
  EACCES: 'check who may use it, or run the command as another user',
  EPERM: 'check who may use it, or run the command as another user',
  ENOSPC: 'make room on the disk, then run the command again',
  EDQUOT: 'make room in your quota, then run the command again',
  EROFS: 'the disk is read-only; choose another folder',
  EMFILE: 'raise the limit of open files: ulimit -n 4096',
  EADDRINUSE: 'another program listens there; stop it or choose another address',
  EADDRNOTAVAIL: 'choose an address of this machine',
};

/** What is printed about an error: what failed and why, what to do next. Nothing is escaped yet. */
export function errorLines(error: unknown, { verbose }: ErrorLineOptions): readonly Line[] {
  const hint = hintOf(error);
  return [
    ...messageLines(error),
    ...(hint === undefined ? [] : [[dim('     hint: '), hint] as const]),
    ...(verbose ? [...causeLines(error), ...stackLines(error)] : []),
  ];
}

/** What `--json` says about an error: the same in one object. */
export function errorDocument(error: unknown): object {
  const { code } = error as { code?: unknown };
  return {
    code: typeof code === 'string' ? code : 'UNEXPECTED',
    ...(error instanceof NotTrustedError ? { reason: error.decision.code } : {}),
    message: messageOf(error),
    hint: hintOf(error),
  };
}

function messageLines(error: unknown): readonly Line[] {
  const [first = '', ...rest] = messageOf(error).split('\n');
  return [[red('img: '), first], ...rest.map((line) => `     ${line}`)];
}

/** The message of an error of ours, a readable one of the system's, or what anything else says of itself. */
function messageOf(error: unknown): string {
  if (error instanceof CodedError) return error.message;
  if (isSystemError(error)) return systemMessage(error);
  return `unexpected error: ${error instanceof Error ? `${error.name}: ${error.message}` : quote(error)}`;
}

function hintOf(error: unknown): string | undefined {
  if (error instanceof CodedError) return error.hint;
  if (isSystemError(error)) return systemHints[error.code];
  return 'this is a fault of img; please report it with what --verbose prints';
}

function causeLines(error: unknown): readonly Line[] {
  const lines: Line[] = [];
  let at: unknown = error;
  for (let depth = 0; depth < deepestCause && at instanceof Error && at.cause !== undefined; depth += 1) {
    at = at.cause;
    const code = at instanceof Error && 'code' in at ? ` (${String(at.code)})` : '';
    for (const line of messageOf(at).split('\n')) lines.push([dim('     because: '), line + code]);
  }
  return lines;
}

function stackLines(error: unknown): readonly Line[] {
  if (!(error instanceof Error) || error instanceof CodedError || isSystemError(error)) return [];
  return (error.stack ?? '').split('\n').slice(1).map(dim);
}

type SystemError = Error & { readonly code: string; readonly errno: number; readonly syscall: string };

function isSystemError(error: unknown): error is SystemError {
  return error instanceof Error && 'syscall' in error && 'errno' in error && typeof error.errno === 'number';
}

function systemMessage(error: SystemError): string {
  const description = getSystemErrorMap().get(error.errno)?.[1] ?? error.message;
  const { path, address, port } = error as SystemError & { path?: string; address?: string; port?: number };
  const place =
    path ?? (address === undefined ? undefined : `${address}${port === undefined ? '' : `:${port}`}`);
  return `can't ${error.syscall}${place === undefined ? '' : ` ${quote(place)}`}: ${description}`;
}
