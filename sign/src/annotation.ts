import type { JsonFields } from '@img/spec/json-fields';
import { quote } from '@img/spec/quote';
import { SignError } from './sign-error.ts';

/** What a signer adds for people and their tools, such as `{"build": "4711"}`; no rule looks at it. */
export type Annotations = { readonly [key: string]: string };

const maxAnnotations = 64;
const maxKeyCharacters = 128;
const maxValueCharacters = 1024;

// In simple signing they stand beside fields that mean something.
const isReserved = (key: string) => key === 'creator' || key === 'timestamp' || key.startsWith('img.');

/**
 * Checks what a signer wants to add.
 *
 * @throws SignError STATEMENT_INVALID
 */
export function checkAnnotations(annotations: Annotations): Annotations {
  const entries = Object.entries(annotations);
  if (entries.length > maxAnnotations) {
    throw new SignError('STATEMENT_INVALID', `${entries.length} annotations are more than ${maxAnnotations}`);
  }
  for (const [key, value] of entries) checkAnnotation(key, value);
  return annotations;
}

/**
 * What a verified signature says beside its statement. Other tools also add values of other types, and everything
 * that is not a short text is left aside.
 */
export function annotationsFrom(fields: JsonFields | undefined): Annotations | undefined {
  const found: [string, string][] = [];
  for (const key of fields?.keys() ?? []) {
    const value = fields?.value(key);
    if (typeof value !== 'string' || !isUsable(key, value) || isReserved(key)) continue;
    if (found.length < maxAnnotations) found.push([key, value]);
  }
  return found.length === 0 ? undefined : Object.fromEntries(found);
}

function checkAnnotation(key: string, value: string): void {
  if (isReserved(key)) {
    throw new SignError(
      'STATEMENT_INVALID',
      `annotation ${quote(key)} has the name of a field of signatures`,
      {
        hint: 'give it another name, such as com.example.build',
      },
    );
  }
  if (isUsable(key, value)) return;
  throw new SignError(
    'STATEMENT_INVALID',
    `annotation ${quote(key)}=${quote(value)} should be a name of letters, digits, ".", "_", "/" and "-" and a text of at most ${maxValueCharacters} characters`,
  );
}

function isUsable(key: string, value: string): boolean {
  const isName = key.length <= maxKeyCharacters && /^[A-Za-z0-9][A-Za-z0-9._/-]*$/.test(key);
  return isName && key !== '__proto__' && value.length <= maxValueCharacters;
}
