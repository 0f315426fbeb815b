import { limits } from './limits.ts';
import { quote } from './quote.ts';
import { SpecError } from './spec-error.ts';

export type JsonValue = string | number | boolean | null | readonly JsonValue[] | JsonObject;
export type JsonObject = { readonly [key: string]: JsonValue };

export type JsonLimits = {
  /** Longest accepted document. */
  readonly maxBytes: number;
  /** Deepest accepted nesting of objects and arrays. */
  readonly maxDepth?: number;
};

/**
 * Parses one JSON document (RFC 8259) strictly: UTF-8 without a byte order mark, no duplicate keys (RFC 7493
 * section 2.3: parsers disagree on which one counts, and signed data must have one meaning), no half characters
 * (RFC 7493 section 2.1: different ones become the same replacement character when written again), no number
 * that a double can't hold, no nesting beyond the limit, nothing after the value.
 *
 * @throws SpecError JSON_TOO_LONG, JSON_TOO_DEEP, JSON_INVALID with the reason and its position in characters.
 */
export function parseJson(
  bytes: Uint8Array,
  { maxBytes, maxDepth = limits.jsonDepth }: JsonLimits,
): JsonValue {
  if (bytes.byteLength > maxBytes) {
    throw new SpecError(
      'JSON_TOO_LONG',
      `JSON of ${bytes.byteLength} bytes is longer than the ${maxBytes} allowed`,
    );
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch (cause) {
    throw new SpecError('JSON_INVALID', 'JSON is not valid UTF-8', { cause });
  }
  return new JsonParser(text, maxDepth).document();
}

const numberPattern = /-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?/y;
// A run of characters that stand for themselves: "unescaped" in RFC 8259 section 7.
const plainPattern = /[\x20\x21\x23-\x5b\x5d-\uffff]*/y;
const spacePattern = /[ \t\n\r]*/y;

const escapes: { readonly [character: string]: string } = {
  '"': '"',
  '\\': '\\',
  '/': '/',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
};

class JsonParser {
  readonly #text: string;
  readonly #maxDepth: number;
  #at = 0;

  constructor(text: string, maxDepth: number) {
    this.#text = text;
    this.#maxDepth = maxDepth;
  }

  document(): JsonValue {
    this.#skipSpace();
    const value = this.#value(0);
    this.#skipSpace();
    if (this.#at < this.#text.length) throw this.#unexpected('the end');
    return value;
  }

  #value(depth: number): JsonValue {
    switch (this.#text[this.#at]) {
      case '{':
        return this.#object(depth + 1);
      case '[':
        return this.#array(depth + 1);
      case '"':
        return this.#string();
      case 't':
        return this.#word('true', true);
      case 'f':
        return this.#word('false', false);
      case 'n':
        return this.#word('null', null);
      default:
        return this.#number();
    }
  }

  #object(depth: number): JsonObject {
    this.#enter(depth);
    const result: { [key: string]: JsonValue } = {};
    this.#skipSpace();
    if (this.#take('}')) return result;
    for (;;) {
      this.#skipSpace();
      if (this.#text[this.#at] !== '"') throw this.#unexpected('a key');
      const key = this.#string();
      if (Object.hasOwn(result, key)) {
        throw new SpecError('JSON_INVALID', `JSON has the key ${quote(key)} twice, at character ${this.#at}`);
      }
      this.#skipSpace();
      if (!this.#take(':')) throw this.#unexpected('":"');
      this.#skipSpace();
      const value = this.#value(depth);
      // A plain assignment of "__proto__" would replace the prototype instead of adding a key.
      if (key === '__proto__') {
        Object.defineProperty(result, key, { value, enumerable: true, configurable: true, writable: true });
      } else {
        result[key] = value;
      }
      this.#skipSpace();
      if (this.#take('}')) return result;
      if (!this.#take(',')) throw this.#unexpected('"," or "}"');
    }
  }

  #array(depth: number): JsonValue[] {
    this.#enter(depth);
    const result: JsonValue[] = [];
    this.#skipSpace();
    if (this.#take(']')) return result;
    for (;;) {
      this.#skipSpace();
      result.push(this.#value(depth));
      this.#skipSpace();
      if (this.#take(']')) return result;
      if (!this.#take(',')) throw this.#unexpected('"," or "]"');
    }
  }

  #string(): string {
    const start = this.#at;
    this.#at += 1;
    let result = '';
    for (;;) {
      plainPattern.lastIndex = this.#at;
      const plain = plainPattern.exec(this.#text)?.[0] ?? '';
      result += plain;
      this.#at += plain.length;
      if (this.#take('"')) return this.#wellFormed(result, start);
      if (!this.#take('\\')) throw this.#unexpected('the end of a string');
      result += this.#escape();
    }
  }

  #wellFormed(text: string, start: number): string {
    if (text.isWellFormed()) return text;
    throw new SpecError('JSON_INVALID', `JSON has half a character in ${quote(text)} at character ${start}`);
  }

  #escape(): string {
    const character = this.#text[this.#at] ?? '';
    const simple = escapes[character];
    if (simple !== undefined) {
      this.#at += 1;
      return simple;
    }
    const hex = this.#text.slice(this.#at + 1, this.#at + 5);
    if (character !== 'u' || !/^[0-9a-fA-F]{4}$/.test(hex)) throw this.#unexpected('an escape');
    this.#at += 5;
    return String.fromCharCode(Number.parseInt(hex, 16));
  }

  #number(): number {
    numberPattern.lastIndex = this.#at;
    const match = numberPattern.exec(this.#text)?.[0];
    if (match === undefined) throw this.#unexpected('a value');
    this.#at += match.length;
    const value = Number(match);
    if (!Number.isFinite(value)) {
      throw new SpecError('JSON_INVALID', `JSON number ${quote(match)} is out of range`);
    }
    return value;
  }

  #word<T extends boolean | null>(word: string, value: T): T {
    if (!this.#text.startsWith(word, this.#at)) throw this.#unexpected('a value');
    this.#at += word.length;
    return value;
  }

  #enter(depth: number): void {
    if (depth > this.#maxDepth) {
      throw new SpecError('JSON_TOO_DEEP', `JSON is nested more than ${this.#maxDepth} deep`);
    }
    this.#at += 1;
  }

  #take(character: string): boolean {
    if (this.#text[this.#at] !== character) return false;
    this.#at += 1;
    return true;
  }

  #skipSpace(): void {
    spacePattern.lastIndex = this.#at;
    this.#at += spacePattern.exec(this.#text)?.[0].length ?? 0;
  }

  #unexpected(wanted: string): SpecError {
    const found = this.#at < this.#text.length ? quote(this.#text.slice(this.#at, this.#at + 12)) : 'the end';
    return new SpecError(
      'JSON_INVALID',
      `JSON has ${found} at character ${this.#at} where ${wanted} should be`,
    );
  }
}
