import { parseJson } from '@img/spec/json';
import { JsonFields } from '@img/spec/json-fields';
import { SpecError } from '@img/spec/spec-error';
import { SignError, type SignErrorCode } from './sign-error.ts';

export type DocumentKind = {
  /** How messages name it, for example `trust policy`. */
  readonly name: string;
  readonly maxBytes: number;
  /** The code of every refusal. */
  readonly code: SignErrorCode;
};

/**
 * Reads a JSON object from outside. Whatever spec's strict parsers refuse on the way comes out as one code of
 * this package with the same message, so that callers handle one kind of error.
 *
 * @throws SignError with the code of the kind
 */
export function readDocument<T>(
  bytes: Uint8Array,
  { name, maxBytes, code }: DocumentKind,
  read: (fields: JsonFields) => T,
): T {
  const value = refusingAs(code, () => parseJson(bytes, { maxBytes }), `${name}: `);
  return refusingAs(code, () => read(new JsonFields(value, name, 'JSON_INVALID')));
}

/** Runs parsers of spec; their refusals become SignErrors with the code given, the message after a prefix. */
export function refusingAs<T>(code: SignErrorCode, parse: () => T, prefix = ''): T {
  try {
    return parse();
  } catch (cause) {
    if (cause instanceof SpecError) throw new SignError(code, `${prefix}${cause.message}`, { cause });
    throw cause;
  }
}
