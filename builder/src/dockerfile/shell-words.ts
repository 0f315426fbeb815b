/** What a variable stands for; undefined if that isn't known. */
export type Lookup = (name: string) => string | undefined;

export type Token =
  | { readonly kind: 'word'; readonly text: string; readonly begin: number; readonly end: number }
  | { readonly kind: 'operator'; readonly text: string; readonly begin: number; readonly end: number };

export type WordOptions = {
  readonly lookup: Lookup;
  /** Whether `;`, `&&`, `>` and so on mean something, and values of variables become several words. */
  readonly isShell?: boolean;
};

/** Longer than any command that people write; variables that double each other end here. */
const maxCharacters = 128 * 1024;

const operators = ['&&', '||', ';;', '>>', '<<', '>&', '<&', '|', '&', ';', '(', ')', '<', '>', '\n'];

/** A word that grew beyond every measure. */
export class TooLongError extends Error {
  override readonly name = 'TooLongError';
}

/** The words of a text: quotes and backslashes taken away, variables replaced by what they stand for if that is known. */
export function wordsOf(text: string, lookup: Lookup): readonly string[] {
  return tokensOf(text, { lookup }).map((token) => token.text);
}

/**
 * Splits a text into words and operators, as a shell would.
 *
 * @throws TooLongError
 */
export function tokensOf(text: string, options: WordOptions): readonly Token[] {
  return new Lexer(text, options).read();
}

class Lexer {
  readonly #text: string;
  readonly #lookup: Lookup;
  readonly #isShell: boolean;
  readonly #tokens: Token[] = [];
  #at = 0;
  #word: string | undefined;
  #begin = 0;
  #length = 0;

  constructor(text: string, { lookup, isShell = false }: WordOptions) {
    this.#text = text;
    this.#lookup = lookup;
    this.#isShell = isShell;
  }

  read(): readonly Token[] {
    while (this.#at < this.#text.length) this.#step(this.#text[this.#at] ?? '');
    this.#endWord();
    return this.#tokens;
  }

  #step(character: string): void {
    if (this.#isShell && character === '#' && this.#word === undefined) {
      while (this.#at < this.#text.length && this.#text[this.#at] !== '\n') this.#at += 1;
      return;
    }
    const operator = this.#isShell
      ? operators.find((each) => this.#text.startsWith(each, this.#at))
      : undefined;
    if (operator !== undefined) {
      this.#endWord();
      this.#tokens.push({
        kind: 'operator',
        text: operator,
        begin: this.#at,
        end: this.#at + operator.length,
      });
      this.#at += operator.length;
    } else if (/\s/.test(character)) {
      this.#endWord();
      this.#at += 1;
    } else if (character === "'") {
      const end = this.#text.indexOf("'", this.#at + 1);
      const close = end < 0 ? this.#text.length : end;
      this.#append(this.#text.slice(this.#at + 1, close));
      this.#at = close + 1;
    } else if (character === '"') this.#readQuoted();
    else if (character === '\\') this.#readEscaped();
    else if (character === '$') this.#readVariable(this.#isShell);
    else {
      this.#append(character);
      this.#at += 1;
    }
  }

  #readQuoted(): void {
    this.#append('');
    this.#at += 1;
    while (this.#at < this.#text.length && this.#text[this.#at] !== '"') {
      const character = this.#text[this.#at] ?? '';
      if (character === '$') this.#readVariable(false);
      else {
        const isEscape = character === '\\' && /["$\\`]/.test(this.#text[this.#at + 1] ?? '');
        this.#append(isEscape ? (this.#text[this.#at + 1] ?? '') : character);
        this.#at += isEscape ? 2 : 1;
      }
    }
    this.#at += 1;
  }

  #readEscaped(): void {
    const next = this.#text[this.#at + 1] ?? '';
    // A line that goes on.
    if (next !== '\n') this.#append(next);
    this.#at += 2;
  }

  #readVariable(isSplit: boolean): void {
    const found = /^\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(?:(:?[-+])([^{}$]*))?\})/.exec(
      this.#text.slice(this.#at, this.#at + 4096),
    );
    const [written = '$', plain, braced, operation, word = ''] = found ?? [];
    this.#at += written.length;
    const value = this.#lookup(plain ?? braced ?? '');
    const text = expanded(value, operation, word) ?? written;
    const [first = '', ...others] = isSplit ? text.split(/\s+/) : [text];
    if (first !== '' || !isSplit) this.#append(first);
    for (const other of others) {
      this.#endWord();
      if (other !== '') this.#append(other);
    }
  }

  #append(text: string): void {
    if (this.#word === undefined) this.#begin = this.#at;
    this.#length += text.length;
    if (this.#length > maxCharacters) throw new TooLongError('a text becomes too long');
    this.#word = (this.#word ?? '') + text;
  }

  #endWord(): void {
    if (this.#word === undefined) return;
    this.#tokens.push({ kind: 'word', text: this.#word, begin: this.#begin, end: this.#at });
    this.#word = undefined;
  }
}

// POSIX, Shell Command Language, 2.6.2: with the colon, an empty value counts as none.
function expanded(
  value: string | undefined,
  operation: string | undefined,
  word: string,
): string | undefined {
  if (operation === undefined) return value;
  const isThere = value !== undefined && !(operation.startsWith(':') && value === '');
  if (operation.endsWith('+')) return isThere ? word : '';
  return isThere ? value : word;
}
