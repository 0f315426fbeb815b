import { quote } from '@img/spec/quote';
import { BuilderError } from '../builder-error.ts';

/** What conditions of requirements ask for (PEP 508, "Environment Markers"). */
export type MarkerEnvironment = ReadonlyMap<string, string>;

type Token = { readonly kind: 'text' | 'name' | 'operator'; readonly value: string };

const pattern = /\s*(?:(['"])(.*?)\1|(not\s+in\b|in\b|and\b|or\b|===|~=|[<>=!]=|[<>()])|([a-z_]+))/gy;
const versionNames: ReadonlySet<string> = new Set(['python_version', 'python_full_version']);

/**
 * Whether a condition holds.
 *
 * @param place how messages name where it stands
 * @throws BuilderError APP_INVALID
 */
export function markerHolds(marker: string, environment: MarkerEnvironment, place: string): boolean {
  return new MarkerParser(
    tokensOf(marker, place),
    environment,
    `${place}: the condition ${quote(marker)}`,
  ).parse();
}

function tokensOf(marker: string, place: string): readonly Token[] {
  const tokens: Token[] = [];
  pattern.lastIndex = 0;
  while (pattern.lastIndex < marker.trimEnd().length) {
    const [, delimiter, text = '', operator, name] = pattern.exec(marker) ?? [];
    if (delimiter !== undefined) tokens.push({ kind: 'text', value: text });
    else if (operator !== undefined) tokens.push({ kind: 'operator', value: operator.replace(/\s+/, ' ') });
    else if (name !== undefined) tokens.push({ kind: 'name', value: name });
    else throw new BuilderError('APP_INVALID', `${place}: the condition ${quote(marker)} can't be read`);
  }
  return tokens;
}

class MarkerParser {
  readonly #tokens: readonly Token[];
  readonly #environment: MarkerEnvironment;
  readonly #what: string;
  #at = 0;

  constructor(tokens: readonly Token[], environment: MarkerEnvironment, what: string) {
    this.#tokens = tokens;
    this.#environment = environment;
    this.#what = what;
  }

  parse(): boolean {
    const result = this.#either();
    if (this.#at < this.#tokens.length) throw this.#invalid();
    return result;
  }

  #either(): boolean {
    let result = this.#both();
    // The right side is read in any case.
    while (this.#takes('or')) result = this.#both() || result;
    return result;
  }

  #both(): boolean {
    let result = this.#one();
    while (this.#takes('and')) result = this.#one() && result;
    return result;
  }

  #one(): boolean {
    if (this.#takes('(')) {
      const result = this.#either();
      if (!this.#takes(')')) throw this.#invalid();
      return result;
    }
    const left = this.#next();
    const operator = this.#next();
    const right = this.#next();
    if (operator.kind !== 'operator' || left.kind === 'operator' || right.kind === 'operator')
      throw this.#invalid();
    const isVersion = [left, right].some(({ kind, value }) => kind === 'name' && versionNames.has(value));
    return compare(this.#value(left), operator.value, this.#value(right), isVersion) ?? this.#fail();
  }

  #value({ kind, value }: Token): string {
    if (kind === 'text') return value;
    return this.#environment.get(value) ?? this.#fail();
  }

  #next(): Token {
    const token = this.#tokens[this.#at];
    this.#at += 1;
    return token ?? this.#fail();
  }

  #takes(operator: string): boolean {
    const token = this.#tokens[this.#at];
    if (token?.kind !== 'operator' || token.value !== operator) return false;
    this.#at += 1;
    return true;
  }

  #fail(): never {
    throw this.#invalid();
  }

  #invalid(): BuilderError {
    return new BuilderError('APP_INVALID', `${this.#what} can't be read`);
  }
}

function compare(left: string, operator: string, right: string, isVersion: boolean): boolean | undefined {
  switch (operator) {
    case 'in':
      return right.includes(left);
    case 'not in':
      return !right.includes(left);
    case '===':
      return left === right;
    case '==':
      return isVersion && right.endsWith('.*') ? isBelow(left, right) : order(left, right, isVersion) === 0;
    case '!=':
      return isVersion && right.endsWith('.*') ? !isBelow(left, right) : order(left, right, isVersion) !== 0;
    case '<':
      return order(left, right, isVersion) < 0;
    case '<=':
      return order(left, right, isVersion) <= 0;
    case '>':
      return order(left, right, isVersion) > 0;
    case '>=':
      return order(left, right, isVersion) >= 0;
    case '~=':
      // Compatible with 3.8.1 is what is not older and begins with 3.8.
      return (
        order(left, right, isVersion) >= 0 && isBelow(left, `${right.split('.').slice(0, -1).join('.')}.*`)
      );
    default:
      return undefined;
  }
}

function isBelow(version: string, pattern: string): boolean {
  return `${version}.`.startsWith(pattern.slice(0, -1));
}

function order(left: string, right: string, isVersion: boolean): number {
  if (!isVersion) return left < right ? -1 : Number(left > right);
  const [a, b] = [left, right].map((text) => text.split('.').map((part) => Number.parseInt(part, 10) || 0));
  for (let index = 0; index < Math.max(a?.length ?? 0, b?.length ?? 0); index += 1) {
    const difference = (a?.[index] ?? 0) - (b?.[index] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}
