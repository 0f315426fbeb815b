import type { JsonObject, JsonValue } from './json.ts';
import { limits } from './limits.ts';
import { quote } from './quote.ts';
import { SpecError, type SpecErrorCode } from './spec-error.ts';
import { isTimestamp } from './timestamp.ts';

/**
 * Typed access to the fields of a JSON object from outside. Every method throws a SpecError with the given
 * code, the path of the field and the offending value. A key whose value is null counts as absent, because
 * Go programs write null for empty lists and maps.
 */
export class JsonFields {
  readonly #object: JsonObject;
  readonly #path: string;
  readonly #code: SpecErrorCode;

  /** @param path how messages name the object, for example `manifest.layers[2]` */
  constructor(value: JsonValue | undefined, path: string, code: SpecErrorCode) {
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new SpecError(code, `${path} should be an object, not ${describe(value)}`);
    }
    this.#object = value as JsonObject;
    this.#path = path;
    this.#code = code;
  }

  keys(): readonly string[] {
    return Object.keys(this.#object);
  }

  has(key: string): boolean {
    return this.#get(key) !== undefined;
  }

  /** Refuses every key that is not in the list; for documents where an unknown key may change the meaning. */
  onlyKeys(known: readonly string[]): void {
    for (const key of this.keys()) {
      if (!known.includes(key))
        throw new SpecError(this.#code, `${this.#path} has the unknown key ${quote(key)}`);
    }
  }

  /**
   * Refuses a key that differs from a known one only in case. Go reads `Layers` as `layers` and takes the last
   * one, so such a document would be one image to us and another to most other programs.
   */
  noOtherCase(known: readonly string[]): void {
    const folded = new Set(known.map(fold));
    for (const key of this.keys()) {
      if (folded.has(fold(key)) && !known.includes(key)) {
        throw new SpecError(
          this.#code,
          `${this.#path} has the key ${quote(key)}, which other programs read as one in another case`,
        );
      }
    }
  }

  string(key: string, maxCharacters: number = limits.jsonStringCharacters): string {
    return this.#required(key, this.optionalString(key, maxCharacters));
  }

  optionalString(key: string, maxCharacters: number = limits.jsonStringCharacters): string | undefined {
    const value = this.#get(key);
    if (value === undefined) return undefined;
    return this.#checkString(value, this.path(key), maxCharacters);
  }

  integer(key: string, min: number, max: number = Number.MAX_SAFE_INTEGER): number {
    return this.#required(key, this.optionalInteger(key, min, max));
  }

  optionalInteger(key: string, min: number, max: number = Number.MAX_SAFE_INTEGER): number | undefined {
    const value = this.#get(key);
    if (value === undefined) return undefined;
    if (!Number.isSafeInteger(value) || (value as number) < min || (value as number) > max) {
      throw new SpecError(
        this.#code,
        `${this.path(key)} should be an integer from ${min} to ${max}, not ${describe(value)}`,
      );
    }
    // -0 is the same integer, but not the same to Object.is.
    return (value as number) + 0;
  }

  optionalBoolean(key: string): boolean | undefined {
    const value = this.#get(key);
    if (value === undefined) return undefined;
    if (typeof value !== 'boolean') {
      throw new SpecError(this.#code, `${this.path(key)} should be true or false, not ${describe(value)}`);
    }
    return value;
  }

  object(key: string): JsonFields {
    return this.#required(key, this.optionalObject(key));
  }

  optionalObject(key: string): JsonFields | undefined {
    const value = this.#get(key);
    return value === undefined ? undefined : new JsonFields(value, this.path(key), this.#code);
  }

  array(key: string, maxItems: number): readonly JsonValue[] {
    return this.#required(key, this.optionalArray(key, maxItems));
  }

  optionalArray(key: string, maxItems: number): readonly JsonValue[] | undefined {
    const value = this.#get(key);
    if (value === undefined) return undefined;
    if (!Array.isArray(value)) {
      throw new SpecError(this.#code, `${this.path(key)} should be a list, not ${describe(value)}`);
    }
    if (value.length > maxItems) {
      throw new SpecError(
        this.#code,
        `${this.path(key)} has ${value.length} items, more than the ${maxItems} allowed`,
      );
    }
    return value;
  }

  /** A list of strings; absent counts as undefined. */
  optionalStrings(key: string, maxItems: number, maxCharacters?: number): readonly string[] | undefined {
    return this.optionalArray(key, maxItems)?.map((value, index) => {
      return this.#checkString(
        value,
        `${this.path(key)}[${index}]`,
        maxCharacters ?? limits.jsonStringCharacters,
      );
    });
  }

  /** A map of strings, such as annotations or labels; values may be as long as the document. */
  optionalStringMap(key: string): { readonly [key: string]: string } | undefined {
    const fields = this.optionalObject(key);
    if (fields === undefined) return undefined;
    return Object.fromEntries(
      Object.entries(fields.#object).map(([name, value]) => {
        return [name, this.#checkString(value, fields.path(name), Number.POSITIVE_INFINITY)];
      }),
    );
  }

  /** The keys of a map of empty objects, which is how Go writes a set, such as volumes and exposed ports. */
  optionalKeySet(key: string): readonly string[] | undefined {
    const fields = this.optionalObject(key);
    for (const name of fields?.keys() ?? []) fields?.optionalObject(name);
    return fields?.keys();
  }

  /** A date and time as text; see {@link isTimestamp}. */
  optionalTimestamp(key: string): string | undefined {
    const text = this.optionalString(key);
    if (text === undefined || isTimestamp(text)) return text;
    throw new SpecError(
      this.#code,
      `${this.path(key)} should be a date and time such as 2026-01-31T12:00:00Z, not ${quote(text)}`,
    );
  }

  /** The raw value; undefined where absent or null. */
  value(key: string): JsonValue | undefined {
    return this.#get(key);
  }

  path(key: string): string {
    // A key of a map, such as a label, comes from outside; one of ours is a word.
    return `${this.#path}.${/^[\w.-]{1,100}$/.test(key) ? key : quote(key)}`;
  }

  #get(key: string): JsonValue | undefined {
    return Object.hasOwn(this.#object, key) ? (this.#object[key] ?? undefined) : undefined;
  }

  #required<T>(key: string, value: T | undefined): T {
    if (value === undefined) throw new SpecError(this.#code, `${this.path(key)} is missing`);
    return value;
  }

  #checkString(value: JsonValue, path: string, maxCharacters: number): string {
    if (typeof value !== 'string') {
      throw new SpecError(this.#code, `${path} should be a string, not ${describe(value)}`);
    }
    if (value.length > maxCharacters) {
      throw new SpecError(
        this.#code,
        `${path} is longer than the ${maxCharacters} characters allowed: ${quote(value)}`,
      );
    }
    return value;
  }
}

// Go's folding: the long s and the Kelvin sign are s and k to it.
function fold(key: string): string {
  return key.toUpperCase().toLowerCase();
}

function describe(value: JsonValue | undefined): string {
  if (value === undefined) return 'absent';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' && value !== null ? 'an object' : quote(value);
}
