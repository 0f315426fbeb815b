import { type Lookup, type Token, tokensOf } from './shell-words.ts';

/** A part of a line for the shell that runs by itself. */
export type ShellCommand = {
  /** As it is written. */
  readonly text: string;
  /** The program and its arguments; undefined if the shell does more with it than start a program. */
  readonly words: readonly string[] | undefined;
};

const separators = new Set(['&&', ';', '\n']);
const control = new Set(['if', 'for', 'while', 'until', 'case', '{', '!', 'function']);

/** Splits a line for the shell at `&&`, `;` and ends of lines. What has loops, conditions or parentheses stays whole. */
export function shellCommands(text: string, lookup: Lookup): readonly ShellCommand[] {
  const tokens = tokensOf(text, { lookup, isShell: true });
  const first = tokens.findIndex((token, index) => {
    if (token.kind === 'operator') return token.text === '(';
    const before = tokens[index - 1];
    return control.has(token.text) && (before === undefined || isSeparator(before));
  });
  const [plain, rest] = first < 0 ? [tokens, []] : [tokens.slice(0, first), tokens.slice(first)];
  const groups: Token[][] = [[]];
  for (const token of plain) {
    if (isSeparator(token)) groups.push([]);
    else groups.at(-1)?.push(token);
  }
  const commands = groups.flatMap((group) => commandOf(group, text) ?? []);
  const [begin] = rest;
  if (begin === undefined) return commands;
  return [...commands, { text: text.slice(begin.begin).trim(), words: undefined }];
}

function isSeparator({ kind, text }: Token): boolean {
  return kind === 'operator' && separators.has(text);
}

function commandOf(tokens: readonly Token[], source: string): ShellCommand | undefined {
  const [first] = tokens;
  const last = tokens.at(-1);
  if (first === undefined || last === undefined) return undefined;
  const text = source.slice(first.begin, last.end).trim();
  const left = withoutHarmless(tokens);
  return { text, words: left.some(({ kind }) => kind === 'operator') ? undefined : assigned(left) };
}

/** Without what changes nothing of what a command leaves behind: `> /dev/null`, `2>&1`, `|| true`. */
function withoutHarmless(tokens: readonly Token[]): readonly Token[] {
  const result: Token[] = [];
  for (let at = 0; at < tokens.length; at += 1) {
    const [token, next] = [tokens[at], tokens[at + 1]];
    const isRedirection = token?.kind === 'operator' && /^(?:>>?|>&|<)$/.test(token.text);
    const isHarmless =
      (isRedirection && (next?.text === '/dev/null' || /^[12]$/.test(next?.text ?? ''))) ||
      (token?.text === '||' && (next?.text === 'true' || next?.text === ':'));
    if (isHarmless) {
      const before = result.at(-1);
      // The number in 2>/dev/null stands directly before the sign.
      if (isRedirection && /^[12]$/.test(before?.text ?? '') && before?.end === token.begin) result.pop();
      at += 1;
    } else if (token !== undefined) result.push(token);
  }
  return result;
}

/** The words without `NAME=value` and `sudo` before them, which say how a program runs, not which. */
function assigned(tokens: readonly Token[]): readonly string[] {
  const words = tokens.map(({ text }) => text);
  const begin = words.findIndex((word) => !/^[A-Za-z_]\w*=/.test(word) && !/^(?:sudo|exec|env)$/.test(word));
  return begin < 0 ? [] : words.slice(begin);
}
