import { createRequire } from 'node:module';
import { constants } from 'node:os';
import { getSystemErrorMap } from 'node:util';
import { quote } from '@img/spec/quote';
import { RuntimeError } from '../runtime-error.ts';

/** What a function of the C library takes here; numbers that may pass 2^53 as bigint. */
export type SystemCallArgument = string | number | bigint | Uint8Array | null;

type NativeFunction = (...args: readonly SystemCallArgument[]) => number | bigint;

type Library = { readonly func: (name: string, result: string, args: readonly string[]) => NativeFunction };

type Koffi = { readonly load: (path: null) => Library; readonly errno: () => number };

let library: Library | undefined;
let readErrno: (() => number) | undefined;

// It waits until the first call; most commands never make one.
function loadLibrary(): Library {
  if (library === undefined) {
    const koffi = loadKoffi();
    library = koffi.load(null);
    readErrno = koffi.errno;
  }
  return library;
}

// The native half takes 1 ms to load, of the 10 ms that koffi's own search for it takes; it fails to load where another
// one is needed, as with musl.
function loadKoffi(): Koffi {
  const load = createRequire(import.meta.url);
  const { platform, arch } = process;
  try {
    return load(`@koromix/koffi-${platform}-${arch}/${platform}_${arch}/koffi.node`) as Koffi;
  } catch {
    return load('koffi') as Koffi;
  }
}

/**
 * Makes a function of the C library callable. Nothing is loaded before the first call. The result is the
 * function's own, never negative: -1 becomes an error that names the call, the arguments and the reason.
 *
 * @param args C types of the arguments in koffi's words, for example `const char*`
 */
export function systemCall(
  name: string,
  args: readonly string[],
): (...values: readonly SystemCallArgument[]) => number {
  let native: NativeFunction | undefined;
  return (...values) => {
    native ??= loadLibrary().func(name, 'int', args);
    const result = Number(native(...values));
    if (result < 0) throw failure(name, values);
    return result;
  };
}

/** Like {@link systemCall}, for calls without a function in every C library: by their number in the kernel. */
export function numberedSystemCall(
  name: string,
  number: number,
  args: readonly string[],
): (...values: readonly SystemCallArgument[]) => number {
  let native: NativeFunction | undefined;
  return (...values) => {
    native ??= loadLibrary().func('syscall', 'long', ['long', ...args]);
    const result = Number(native(number, ...values));
    if (result < 0) throw failure(name, values);
    return result;
  };
}

/**
 * Where bytes are in memory, for a structure that points to them. They stay there as long as somebody has the array,
 * which must be a view of an `ArrayBuffer` that was made as such.
 */
export function addressOf(bytes: Uint8Array): bigint {
  // It returns its first argument, and copies nothing.
  return BigInt(loadLibrary().func('memcpy', 'uintptr_t', ['void*', 'void*', 'size_t'])(bytes, bytes, 0));
}

/** Whether a failed system call gave one of these reasons, such as `ENOSYS`. */
export function hasErrno(error: unknown, ...names: readonly string[]): boolean {
  if (!(error instanceof RuntimeError) || error.code !== 'SYSTEM_CALL_FAILED') return false;
  const code = (error.cause as NodeJS.ErrnoException | undefined)?.code;
  return code !== undefined && names.includes(code);
}

function failure(name: string, values: readonly SystemCallArgument[]): RuntimeError {
  const errno = readErrno?.() ?? 0;
  const [errnoName, text] = getSystemErrorMap().get(-errno) ?? [nameOf(errno), 'no other reason known'];
  const cause: NodeJS.ErrnoException = new Error(`${errnoName}: ${text}`);
  cause.code = errnoName;
  cause.errno = errno;
  cause.syscall = name;
  return new RuntimeError(
    'SYSTEM_CALL_FAILED',
    `${name}(${values.map(formatArgument).join(', ')}) failed: ${text} (${errnoName})`,
    {
      cause,
      ...(errnoName === 'EPERM' && process.geteuid?.() !== 0 ? { hint: 'try again as root' } : {}),
    },
  );
}

// libuv knows only the errors that its own calls give.
function nameOf(errno: number): string {
  return Object.entries(constants.errno).find(([, number]) => number === errno)?.[0] ?? `errno ${errno}`;
}

function formatArgument(value: SystemCallArgument): string {
  if (value === null) return 'null';
  if (value instanceof Uint8Array) return `${value.byteLength} bytes`;
  return typeof value === 'string' ? quote(value) : String(value);
}
