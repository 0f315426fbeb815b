import { nearest } from '@img/spec/nearest';
import { quote } from '@img/spec/quote';
import { BuilderError } from '../builder-error.ts';

/** One instruction of a Dockerfile, as written: nothing is expanded. */
export type Instruction = {
  /** Where it begins, from 1. */
  readonly line: number;
  /** In upper case. */
  readonly keyword: string;
  /** `--from=build` and the like, without the dashes; empty text for one without a value. */
  readonly flags: ReadonlyMap<string, string>;
  /** As it stands there, continued lines put together. */
  readonly written: string;
  /** What follows keyword and flags, continued lines put together and comments taken out. */
  readonly text: string;
  /** The words of the form `["a", "b"]`; undefined if it isn't written so. */
  readonly list: readonly string[] | undefined;
  readonly heredocs: readonly Heredoc[];
};

/** A text that follows an instruction: `<<EOF`. */
export type Heredoc = { readonly name: string; readonly text: string };

const maxBytes = 1024 * 1024;

const keywords: readonly string[] = [
  'ADD',
  'ARG',
  'CMD',
  'COPY',
  'ENTRYPOINT',
  'ENV',
  'EXPOSE',
  'FROM',
  'HEALTHCHECK',
  'LABEL',
  'MAINTAINER',
  'ONBUILD',
  'RUN',
  'SHELL',
  'STOPSIGNAL',
  'USER',
  'VOLUME',
  'WORKDIR',
];

const withFlags = new Set(['ADD', 'COPY', 'FROM', 'HEALTHCHECK', 'RUN']);
const withHeredocs = new Set(['ADD', 'COPY', 'RUN']);
const withLists = new Set(['ADD', 'CMD', 'COPY', 'ENTRYPOINT', 'RUN', 'SHELL', 'VOLUME']);

/**
 * Parses a Dockerfile, as docs.docker.com/reference/dockerfile describes it. Linear in its length.
 *
 * @param file how messages name it
 * @throws BuilderError DOCKERFILE_INVALID with the line
 */
export function parseDockerfile(bytes: Uint8Array, file: string): readonly Instruction[] {
  if (bytes.byteLength > maxBytes) {
    throw invalid(file, 1, `the file has ${bytes.byteLength} bytes, more than the ${maxBytes} allowed`);
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    throw invalid(file, 1, 'the file is not valid UTF-8');
  }
  if (text.includes('\0')) throw invalid(file, 1, 'the file has a character that no text can hold');
  const lines = text.split(/\r?\n/);
  const result: Instruction[] = [];
  const continued = escapeOf(lines) === '`' ? /`[ \t]*$/ : /\\[ \t]*$/;
  let at = 0;
  while (at < lines.length) {
    const begin = at;
    const logical = joinLines(lines, at, continued);
    at = logical.next;
    if (logical.text === '') continue;
    const instruction = parseInstruction(logical.text, begin + logical.skipped + 1, file);
    const { heredocs, next } = readHeredocs(instruction, lines, at, file);
    at = next;
    result.push({ ...instruction, heredocs });
  }
  return result;
}

// Parser directives stand before everything else: `# escape=` followed by a character.
function escapeOf(lines: readonly string[]): string {
  for (const line of lines) {
    const [, name, value] = /^\s*#\s*([a-z]+)\s*=\s*(\S+)\s*$/i.exec(line) ?? [];
    if (name === undefined || value === undefined) return '\\';
    if (name.toLowerCase() === 'escape') return value;
  }
  return '\\';
}

type LogicalLine = {
  readonly text: string;
  /** Empty lines and comments before it. */
  readonly skipped: number;
  /** The index of the line behind it. */
  readonly next: number;
};

function joinLines(lines: readonly string[], first: number, continued: RegExp): LogicalLine {
  const parts: string[] = [];
  let skipped = 0;
  let at = first;
  for (; at < lines.length; at += 1) {
    const line = lines[at] ?? '';
    // A comment between continued lines belongs to none of them, and an empty line doesn't end them.
    if (/^\s*(?:#|$)/.test(line)) {
      if (parts.length === 0) skipped += 1;
      continue;
    }
    const isContinued = continued.test(line);
    parts.push(isContinued ? line.replace(continued, '') : line);
    if (!isContinued) return { text: parts.join('').trim(), skipped, next: at + 1 };
  }
  return { text: parts.join('').trim(), skipped, next: at };
}

function parseInstruction(text: string, line: number, file: string): Omit<Instruction, 'heredocs'> {
  const [, word = '', behind = ''] = /^(\S+)\s*(.*)$/s.exec(text) ?? [];
  const keyword = word.toUpperCase();
  if (!keywords.includes(keyword)) {
    const similar = nearest(keyword, keywords);
    const advice = similar === undefined ? '' : `; did you mean ${similar}?`;
    throw invalid(file, line, `unknown instruction ${quote(word)}${advice}`);
  }
  const flags = new Map<string, string>();
  let rest = behind;
  while (withFlags.has(keyword)) {
    const [whole, name, value = ''] = /^--([a-z][a-z-]*)(?:=(\S*))?(?:\s+|$)/.exec(rest) ?? [];
    if (whole === undefined || name === undefined) break;
    flags.set(name, value.replace(/^(["'])(.*)\1$/, '$2'));
    rest = rest.slice(whole.length);
  }
  if (rest === '') throw invalid(file, line, `${keyword} says nothing`);
  return {
    line,
    keyword,
    flags,
    written: text,
    text: rest,
    list: withLists.has(keyword) ? listOf(rest) : undefined,
  };
}

function listOf(text: string): readonly string[] | undefined {
  if (!text.startsWith('[')) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    const isList = Array.isArray(value) && value.every((word): word is string => typeof word === 'string');
    return isList ? value : undefined;
  } catch {
    // As Docker does it: what is no JSON is a command of the shell.
    return undefined;
  }
}

const heredocMark = /(?:^|[\s\d])<<(-?)(["']?)([A-Za-z_][\w.]*)\2(?=[\s;|&>)]|$)/g;

function readHeredocs(
  { keyword, text, list, line }: Omit<Instruction, 'heredocs'>,
  lines: readonly string[],
  first: number,
  file: string,
): { readonly heredocs: readonly Heredoc[]; readonly next: number } {
  if (!withHeredocs.has(keyword) || list !== undefined) return { heredocs: [], next: first };
  let next = first;
  const heredocs = [...text.matchAll(heredocMark)].map(([, dash, , name = '']) => {
    const body: string[] = [];
    for (; next < lines.length; next += 1) {
      const written = dash === '-' ? (lines[next] ?? '').replace(/^\t+/, '') : (lines[next] ?? '');
      if (written === name) break;
      body.push(`${written}\n`);
    }
    if (next >= lines.length) throw invalid(file, line, `the text of <<${name} has no end`);
    next += 1;
    return { name, text: body.join('') };
  });
  return { heredocs, next };
}

/** The error for a Dockerfile that can't be understood. */
export function invalid(file: string, line: number, message: string): BuilderError {
  return new BuilderError('DOCKERFILE_INVALID', `${file}:${line}: ${message}`, {
    hint: 'mend the Dockerfile; docs.docker.com/reference/dockerfile says how each instruction is written',
  });
}
