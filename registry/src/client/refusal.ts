import { STATUS_CODES } from 'node:http';
import { type JsonValue, parseJson } from '@img/spec/json';
import { limits } from '@img/spec/limits';
import { isProtocolErrorCode, ProtocolError } from '@img/spec/protocol-error';
import { quote } from '@img/spec/quote';
import { RegistryError, type RegistryErrorCode } from '../registry-error.ts';
import { readBody } from './read-body.ts';
import type { Answer } from './transport.ts';

/** Of what a registry says; rules and their reasons take more than other values. */
const longestMessage = 1000;

/** The error for an answer that refuses the request; reads the body for what the registry said. */
export async function refusalOf(what: string, answer: Answer, hint?: string): Promise<RegistryError> {
  const said = await saidBy(answer);
  // A status alone means nothing to most people.
  const text = said.text === '' ? ` ${STATUS_CODES[answer.status] ?? ''}`.trimEnd() : said.text;
  const isByRule = isTagRefusal(said.error);
  const code = isByRule ? 'TAG_REFUSED' : codeFor(answer.status);
  return new RegistryError(code, `could not ${what}: ${answer.status}${text}`, {
    cause: said.error,
    // No other log-in would help where a rule is not met.
    ...(hint === undefined || isByRule ? {} : { hint }),
  });
}

/** Whether a registry of img refused a tag because its rule is not met: the detail names the rule. */
function isTagRefusal(error: ProtocolError | undefined): boolean {
  return error?.code === 'DENIED' && typeof fieldOf(error.detail as JsonValue, 'rule') === 'string';
}

function codeFor(status: number): RegistryErrorCode {
  if (status === 401 || status === 403) return 'ACCESS_DENIED';
  if (status === 404) return 'CONTENT_MISSING';
  if (status === 429) return 'TOO_MANY_REQUESTS';
  return status >= 500 ? 'REGISTRY_FAILED' : 'REQUEST_REFUSED';
}

type Said = { readonly text: string; readonly error: ProtocolError | undefined };

/** The first error of a protocol error body, or the beginning of any other text; nothing if it can't be read. */
async function saidBy(answer: Answer): Promise<Said> {
  let bytes: Uint8Array;
  try {
    bytes = await readBody(answer, limits.errorBodyBytes, 'read what was refused');
  } catch {
    return { text: '', error: undefined };
  }
  const error = firstErrorOf(bytes);
  if (error === undefined) {
    const text = new TextDecoder().decode(bytes).trim();
    return { text: text === '' ? '' : ` ${quote(text)}`, error: undefined };
  }
  const { code, message, detail } = error;
  const known = isProtocolErrorCode(code)
    ? new ProtocolError(code, message, { status: answer.status, detail })
    : undefined;
  return { text: ` ${known?.code ?? quote(code)} ${quote(message, longestMessage)}`, error: known };
}

type FirstError = {
  readonly code: string;
  readonly message: string;
  readonly detail: JsonValue | undefined;
};

function firstErrorOf(bytes: Uint8Array): FirstError | undefined {
  let body: JsonValue;
  try {
    body = parseJson(bytes, { maxBytes: limits.errorBodyBytes });
  } catch {
    return undefined;
  }
  const errors = fieldOf(body, 'errors');
  const first = Array.isArray(errors) ? errors[0] : undefined;
  const code = fieldOf(first, 'code');
  const message = fieldOf(first, 'message');
  if (typeof code !== 'string') return undefined;
  return { code, message: typeof message === 'string' ? message : '', detail: fieldOf(first, 'detail') };
}

// Unlike JsonFields this never throws: an error body is only shown, and any part of it may be missing.
function fieldOf(value: JsonValue | undefined, key: string): JsonValue | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  return Object.entries(value).find(([name]) => name === key)?.[1];
}
