import { createHash } from 'node:crypto';
import { type JsonValue, parseJson } from '@img/spec/json';
import { JsonFields } from '@img/spec/json-fields';

/**
 * JSON with a digest over everything else in it, so that a changed byte is noticed. It tells nobody from whoever may
 * write the file: what has to be trusted is signed.
 */
export function encodeCheckedJson(content: object): string {
  return `${JSON.stringify({ ...content, check: checkOf(content) }, undefined, 2)}\n`;
}

/**
 * Reads what {@link encodeCheckedJson} has written, and what earlier versions wrote, which had no digest.
 *
 * @param what how messages name it
 * @throws SpecError, Error
 */
export function parseCheckedJson(bytes: Uint8Array, what: string, maxBytes: number): JsonFields {
  const json = parseJson(bytes, { maxBytes });
  checkUnchanged(json);
  return new JsonFields(json, what, 'CONFIG_INVALID');
}

function checkUnchanged(json: JsonValue): void {
  if (typeof json !== 'object' || json === null || !('check' in json)) return;
  const { check, ...content } = json;
  if (check !== checkOf(content)) throw new Error('it was changed');
}

function checkOf(content: object): string {
  return createHash('sha256').update(JSON.stringify(content)).digest('hex');
}
