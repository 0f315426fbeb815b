import { nearest } from '@img/spec/nearest';
import { quote } from '@img/spec/quote';
import type { Located, LocatedList, LocatedMap, LocatedText } from './located.ts';
import type { Problems } from './problems.ts';
import type { Schema } from './schema.ts';
import { unsupportedKeys } from './unsupported-keys.ts';

/**
 * Checks a value against a JSON Schema, where every scalar is text: it fits if its text fits one of the
 * scalar types. A validator for all of JSON Schema takes longer to load than a build to run, and knows nothing
 * of lines and columns; a test holds the two against each other.
 *
 * @param path how the value is reached from the top, such as `app.python`; empty for the top
 */
export function checkSchema(value: Located, schema: Schema, path: string, problems: Problems): void {
  const types: readonly string[] = typeof schema.type === 'string' ? [schema.type] : schema.type;
  if (value.kind === 'map' && types.includes('object')) {
    checkMap(value, schema, path, problems);
  } else if (value.kind === 'list' && types.includes('array')) {
    checkList(value, schema, path, problems);
  } else if (value.kind === 'text' && types.some((type) => type !== 'object' && type !== 'array')) {
    checkText(value, schema, path, problems);
  } else {
    problems.add(value.position, `${path || 'the file'} should be ${schema.title}, not ${describe(value)}`);
  }
}

function checkMap(map: LocatedMap, schema: Schema, path: string, problems: Problems): void {
  const { properties = {}, additionalProperties, propertyNames, required = [], maxProperties } = schema;
  if (maxProperties !== undefined && map.entries.size > maxProperties) {
    problems.add(map.position, `${path} has more than the ${maxProperties} entries allowed`);
  }
  for (const [key, { keyPosition, value }] of map.entries) {
    const keyPath = path === '' ? key : `${path}.${key}`;
    const known = Object.hasOwn(properties, key) ? properties[key] : additionalProperties;
    if (known === undefined || known === false) {
      const unsupported = unsupportedKeys.get(keyPath);
      if (unsupported === undefined) {
        problems.add(keyPosition, unknownKey(key, path, Object.keys(properties)), 'RECIPE_UNKNOWN_KEY');
      } else {
        const message = `${quote(keyPath)} is not built yet by this version of img: ${unsupported}`;
        problems.add(keyPosition, message, 'RECIPE_UNSUPPORTED');
      }
      continue;
    }
    if (propertyNames !== undefined && !new RegExp(propertyNames.pattern, 'u').test(key)) {
      problems.add(keyPosition, `${quote(key)} in ${path} should be ${propertyNames.title}`);
    }
    checkSchema(value, known, keyPath, problems);
  }
  for (const key of required) {
    if (!map.entries.has(key)) {
      const where = path === '' ? '' : `${path}.`;
      problems.add(map.position, `${where}${key} is missing: ${properties[key]?.title}`);
    }
  }
}

function checkList(list: LocatedList, schema: Schema, path: string, problems: Problems): void {
  const { items, minItems = 0, maxItems = Number.POSITIVE_INFINITY } = schema;
  if (list.items.length < minItems) problems.add(list.position, `${path} should not be empty`);
  if (list.items.length > maxItems) {
    problems.add(list.position, `${path} has more than the ${maxItems} items allowed`);
    return;
  }
  if (items === undefined) return;
  for (const [index, item] of list.items.entries()) checkSchema(item, items, `${path}[${index}]`, problems);
}

function checkText({ position, text }: LocatedText, schema: Schema, path: string, problems: Problems): void {
  const { maxLength = Number.POSITIVE_INFINITY, pattern, title } = schema;
  if (text.length > maxLength) {
    problems.add(position, `${path} is longer than the ${maxLength} characters allowed: ${quote(text)}`);
  } else if (pattern !== undefined && !new RegExp(pattern, 'u').test(text)) {
    problems.add(position, `${path} should be ${title}, not ${quote(text)}`);
  } else if (text.includes('\0') || !text.isWellFormed()) {
    problems.add(position, `${path} has a character that no file can hold: ${quote(text)}`);
  }
}

function unknownKey(key: string, path: string, known: readonly string[]): string {
  const similar = nearest(key, known);
  const advice = similar === undefined ? `known are ${known.join(', ')}` : `did you mean "${similar}"?`;
  return `unknown key ${quote(key)}${path === '' ? '' : ` in ${path}`}; ${advice}`;
}

function describe(value: Located): string {
  if (value.kind === 'text') return value.text === '' ? 'nothing' : quote(value.text);
  return value.kind === 'list' ? 'a list' : 'a map';
}
