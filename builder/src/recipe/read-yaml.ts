import { printable } from '@img/spec/printable';
import { quote } from '@img/spec/quote';
import { isAlias, isMap, isScalar, isSeq, LineCounter, type Node, parseDocument, type YAMLMap } from 'yaml';
import type { Located, LocatedEntry, LocatedMap, Position } from './located.ts';
import type { Problems } from './problems.ts';

const maxBytes = 256 * 1024;
const maxDepth = 16;

/**
 * Reads YAML 1.2 of the plain kind: maps, lists and scalars, every scalar taken as the text that is written.
 * Anchors, aliases, tags and several documents are refused, because each of them lets a file say something else
 * than it seems to.
 *
 * @returns undefined if there are problems
 */
export function readYaml(bytes: Uint8Array, problems: Problems): Located | undefined {
  const start: Position = { line: 1, column: 1 };
  if (bytes.byteLength > maxBytes) {
    problems.add(start, `the file has ${bytes.byteLength} bytes, more than the ${maxBytes} allowed`);
    return undefined;
  }
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    problems.add(start, 'the file is not valid UTF-8');
    return undefined;
  }
  const lines = new LineCounter();
  const document = parseDocument(text, {
    // All scalars are text, as written; what a value may be is the schema's business.
    schema: 'failsafe',
    version: '1.2',
    // Looked for by the reader, which does it in linear time.
    uniqueKeys: false,
    stringKeys: true,
    prettyErrors: false,
    lineCounter: lines,
  });
  for (const { pos, message } of [...document.errors, ...document.warnings]) {
    problems.add(positionAt(lines, pos[0]), printable(message));
  }
  if (!problems.isEmpty) return undefined;
  const value = new YamlReader(lines, problems).read(document.contents, 0);
  return problems.isEmpty ? value : undefined;
}

class YamlReader {
  readonly #lines: LineCounter;
  readonly #problems: Problems;

  constructor(lines: LineCounter, problems: Problems) {
    this.#lines = lines;
    this.#problems = problems;
  }

  read(node: Node | null, depth: number): Located {
    const position = this.#position(node);
    if (node === null) return { kind: 'text', position, text: '' };
    if (isAlias(node) || node.anchor !== undefined) {
      this.#problems.add(position, 'anchors and aliases (&name, *name) are not allowed: write the value out');
      return { kind: 'text', position, text: '' };
    }
    if (node.tag !== undefined) {
      this.#problems.add(position, `tags such as ${quote(node.tag)} are not allowed: write the plain value`);
      return { kind: 'text', position, text: '' };
    }
    if (depth > maxDepth) {
      this.#problems.add(position, `values are nested more than ${maxDepth} deep`);
      return { kind: 'text', position, text: '' };
    }
    if (isMap(node)) return this.#map(node, position, depth);
    if (isSeq(node)) {
      const items = node.items.map((item) => this.read(item as Node | null, depth + 1));
      return { kind: 'list', position, items };
    }
    return { kind: 'text', position, text: isScalar(node) ? String(node.value) : '' };
  }

  #map(node: YAMLMap, position: Position, depth: number): LocatedMap {
    const entries = new Map<string, LocatedEntry>();
    for (const { key, value } of node.items) {
      const keyNode = key as Node;
      const keyPosition = this.#position(keyNode);
      const located = this.read(keyNode, depth + 1);
      const name = located.kind === 'text' ? located.text : '';
      if (entries.has(name)) this.#problems.add(keyPosition, `the key ${quote(name)} stands here twice`);
      const read = this.read(value as Node | null, depth + 1);
      // A key without a value has no place of its own.
      entries.set(name, { keyPosition, value: value === null ? { ...read, position: keyPosition } : read });
    }
    return { kind: 'map', position, entries };
  }

  #position(node: Node | null): Position {
    return positionAt(this.#lines, node?.range?.[0] ?? 0);
  }
}

function positionAt(lines: LineCounter, offset: number): Position {
  const { line, col } = lines.linePos(offset);
  // An empty file has no line that could be counted.
  return { line: Math.max(1, line), column: Math.max(1, col) };
}
