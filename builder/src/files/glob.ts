/** Whether a path fits a pattern. */
export type Glob = (path: string) => boolean;

type Token =
  | { readonly kind: 'character'; readonly fits: (character: string) => boolean }
  /** `*`: any number of characters but slashes. */
  | { readonly kind: 'star' }
  /** `**` before something: any number of whole folders, also none. */
  | { readonly kind: 'folders' }
  /** `**` at the end: everything. */
  | { readonly kind: 'rest' };

/**
 * Compiles a pattern of a .dockerignore: `*`, `?`, `[a-z]`, `[^a-z]` and backslash as in Go's filepath.Match,
 * and `**` as Docker adds it. The pattern is normalised and relative. Matching takes time in proportion to the
 * lengths of pattern and path, whatever they are.
 *
 * @returns undefined for a malformed pattern
 */
export function compileGlob(pattern: string): Glob | undefined {
  // Docker's matcher cuts a leading `**` off and compares the end of the path, so `**file` fits `a/myfile` too.
  const literalEnd = /^\*\*([^*?[\]\\]*)$/.exec(pattern)?.[1];
  if (literalEnd !== undefined) {
    return (path) =>
      path.endsWith(literalEnd) || (literalEnd.startsWith('/') && path === literalEnd.slice(1));
  }
  // Most patterns are names or endings of names, and are compared with thousands of paths.
  if (!/[*?[\]\\]/.test(pattern)) return (path) => path === pattern;
  const nameEnd = /^\*\*\/\*([^*?[\]\\/]+)$/.exec(pattern)?.[1];
  if (nameEnd !== undefined) return (path) => path.endsWith(nameEnd);
  const tokens = tokensOf([...pattern]);
  return tokens === undefined ? undefined : (path) => fits(tokens, path);
}

function tokensOf(characters: readonly string[]): readonly Token[] | undefined {
  const tokens: Token[] = [];
  for (let at = 0; at < characters.length; ) {
    const read = readToken(characters, at);
    if (read === undefined) return undefined;
    tokens.push(read.token);
    at = read.end;
  }
  return tokens;
}

type ReadToken = { readonly token: Token; readonly end: number };

function readToken(characters: readonly string[], at: number): ReadToken | undefined {
  const character = characters[at] ?? '';
  switch (character) {
    case '*':
      return readStars(characters, at);
    case '?':
      return { token: { kind: 'character', fits: (found) => found !== '/' }, end: at + 1 };
    case '[':
      return readSet(characters, at + 1);
    case '\\': {
      const literal = characters[at + 1];
      if (literal === undefined) return undefined;
      return { token: { kind: 'character', fits: (found) => found === literal }, end: at + 2 };
    }
    default:
      return { token: { kind: 'character', fits: (found) => found === character }, end: at + 1 };
  }
}

function readStars(characters: readonly string[], at: number): ReadToken {
  if (characters[at + 1] !== '*') return { token: { kind: 'star' }, end: at + 1 };
  const end = characters[at + 2] === '/' ? at + 3 : at + 2;
  return { token: { kind: end < characters.length ? 'folders' : 'rest' }, end };
}

/** The set after `[`; a `-` or `]` that stands for itself must be escaped, as in Go. */
function readSet(characters: readonly string[], start: number): ReadToken | undefined {
  let at = start;
  const isNegated = characters[at] === '^';
  if (isNegated) at += 1;
  const ranges: (readonly [from: string, to: string])[] = [];
  const next = (): string | undefined => {
    const character = characters[at];
    if (character === undefined || character === '-' || character === ']') return undefined;
    at += character === '\\' ? 2 : 1;
    return character === '\\' ? characters[at - 1] : character;
  };
  while (ranges.length === 0 || characters[at] !== ']') {
    const from = next();
    if (from === undefined) return undefined;
    let to: string | undefined = from;
    if (characters[at] === '-') {
      at += 1;
      to = next();
    }
    if (to === undefined) return undefined;
    ranges.push([from, to]);
  }
  const code = (character: string) => character.codePointAt(0) ?? 0;
  const isIn = (found: string) => ranges.some(([a, b]) => code(a) <= code(found) && code(found) <= code(b));
  const fits = (found: string) => found !== '/' && isIn(found) !== isNegated;
  return { token: { kind: 'character', fits }, end: at + 1 };
}

/** Goes through the path once with the set of all places in the pattern where a match could stand. */
function fits(tokens: readonly Token[], path: string): boolean {
  let places = new Set<number>();
  addPlace(places, 0, tokens);
  for (const character of path) {
    const following = new Set<number>();
    for (const place of places) step(tokens, place, character, following);
    places = following;
  }
  return places.has(tokens.length);
}

/** Adds the places that a character leads to from one place. */
function step(tokens: readonly Token[], place: number, character: string, following: Set<number>): void {
  const token = tokens[place];
  switch (token?.kind) {
    case 'character':
      if (token.fits(character)) addPlace(following, place + 1, tokens);
      return;
    case 'star':
      if (character !== '/') addPlace(following, place, tokens);
      return;
    case 'rest':
      addPlace(following, place, tokens);
      return;
    case 'folders':
      following.add(place);
      // Only at the end of a folder may what comes after begin.
      if (character === '/') addPlace(following, place + 1, tokens);
      return;
    case undefined:
      return;
  }
}

/** Adds a place and, where a token may stand for nothing, those after it. */
function addPlace(places: Set<number>, place: number, tokens: readonly Token[]): void {
  for (let at = place; !places.has(at); at += 1) {
    places.add(at);
    if (at >= tokens.length || tokens[at]?.kind === 'character') return;
  }
}
