import type { JsonValue } from '@img/spec/json';
import { quote } from '@img/spec/quote';

/** The part of JSON Schema (2020-12) that the management API needs; OpenAPI 3.1 takes it as it is. */
export type Schema =
  | {
      readonly type: 'string';
      readonly enum?: readonly string[];
      readonly minLength?: number;
      readonly maxLength?: number;
      readonly format?: 'date-time';
      readonly description?: string;
    }
  | {
      readonly type: 'integer';
      readonly minimum?: number;
      readonly maximum?: number;
      readonly description?: string;
    }
  | { readonly type: 'boolean'; readonly description?: string }
  | { readonly type: 'array'; readonly items: Schema; readonly description?: string }
  | ObjectSchema;

export type ObjectSchema = {
  readonly type: 'object';
  readonly properties: { readonly [name: string]: Schema };
  readonly required: readonly string[];
  readonly description?: string;
};

/** The values that fit a schema. */
export type ValueOf<S> = S extends { readonly enum: readonly (infer E)[] }
  ? E
  : S extends { readonly type: 'string' }
    ? string
    : S extends { readonly type: 'integer' }
      ? number
      : S extends { readonly type: 'boolean' }
        ? boolean
        : S extends { readonly type: 'array'; readonly items: infer I }
          ? readonly ValueOf<I>[]
          : S extends {
                readonly properties: infer P;
                readonly required: readonly (infer R)[];
              }
            ? { readonly [K in keyof P as K extends R ? K : never]: ValueOf<P[K]> } & {
                readonly [K in keyof P as K extends R ? never : K]?: ValueOf<P[K]>;
              }
            : never;

export type CheckOptions = {
  /** Whether an object may have more than the schema knows, which is left out: newer servers say more. */
  readonly isOpen: boolean;
};

/**
 * The value, if it fits the schema.
 *
 * @param place how a message names the value
 * @throws TypeError that says what doesn't fit
 */
export function checkSchema<S extends Schema>(
  schema: S,
  value: JsonValue,
  place: string,
  options: CheckOptions,
): ValueOf<S> {
  return check(schema, value, place, options) as ValueOf<S>;
}

function check(schema: Schema, value: JsonValue, place: string, options: CheckOptions): JsonValue {
  switch (schema.type) {
    case 'string':
      if (typeof value !== 'string') throw wrong(place, 'a text', value);
      if (schema.enum !== undefined && !schema.enum.includes(value)) {
        throw wrong(place, schema.enum.join(' or '), value);
      }
      return checkLength(schema, value, place);
    case 'integer': {
      const { minimum = Number.MIN_SAFE_INTEGER, maximum = Number.MAX_SAFE_INTEGER } = schema;
      if (!Number.isSafeInteger(value) || Number(value) < minimum || Number(value) > maximum) {
        throw wrong(place, `a whole number from ${minimum} to ${maximum}`, value);
      }
      return value;
    }
    case 'boolean':
      if (typeof value !== 'boolean') throw wrong(place, 'true or false', value);
      return value;
    case 'array':
      if (!Array.isArray(value)) throw wrong(place, 'a list', value);
      return value.map((item: JsonValue, index) => check(schema.items, item, `${place}[${index}]`, options));
    case 'object':
      return checkObject(schema, value, place, options);
  }
}

function checkLength(
  { minLength = 0, maxLength = Number.POSITIVE_INFINITY }: { minLength?: number; maxLength?: number },
  value: string,
  place: string,
): string {
  if (value.length >= minLength && value.length <= maxLength) return value;
  // Not shown: it may be a password.
  const most = Number.isFinite(maxLength) ? ` to ${maxLength}` : ' or more';
  throw new TypeError(`${place} should have ${minLength}${most} characters, not ${value.length}`);
}

function checkObject(
  schema: ObjectSchema,
  value: JsonValue,
  place: string,
  options: CheckOptions,
): JsonValue {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw wrong(place, 'an object', value);
  }
  const entries = Object.entries(value as { readonly [name: string]: JsonValue });
  const unknown = entries.find(([name]) => !Object.hasOwn(schema.properties, name))?.[0];
  if (unknown !== undefined && !options.isOpen) {
    const known = Object.keys(schema.properties).join(', ');
    throw new TypeError(`${place} has ${quote(unknown)}; it may have ${known}`);
  }
  const missing = schema.required.find((name) => !Object.hasOwn(value, name));
  if (missing !== undefined) throw new TypeError(`${place} has no ${missing}`);
  return Object.fromEntries(
    entries.flatMap(([name, item]): [string, JsonValue][] => {
      const property = Object.hasOwn(schema.properties, name) ? schema.properties[name] : undefined;
      return property === undefined ? [] : [[name, check(property, item, `${place}.${name}`, options)]];
    }),
  );
}

function wrong(place: string, expected: string, value: JsonValue): TypeError {
  const shown = typeof value === 'string' ? quote(value) : Array.isArray(value) ? 'a list' : typeof value;
  return new TypeError(`${place} should be ${expected}, not ${value === null ? 'null' : shown}`);
}
