import { compress } from '../compression/compress.ts';
import { decompress } from '../compression/decompress.ts';
import type { Reader, SqlValue } from '../metadata/database.ts';
import { RegistryError } from '../registry-error.ts';
import { type SnapshotTable, snapshotTables } from './snapshot-tables.ts';

/** A row that a snapshot keeps: the values of the columns of its table, in their order. */
export type SnapshotRow = { readonly table: SnapshotTable; readonly values: readonly SqlValue[] };

const format = 'img-registry-snapshot/1';
const pageRows = 1000;

/** The longest that is kept in a row is a trust root, in base64. */
const mostLineBytes = 16 * 1024 ** 2;
const mostBytes = 1024 ** 4;
const chunkBytes = 64 * 1024;

type Line =
  | { readonly format: string; readonly begunAt: number }
  | { readonly table: string; readonly row: { readonly [column: string]: JsonSqlValue } }
  | { readonly rows: number };

/** Bytes in base64. */
type JsonSqlValue = string | number | null | { readonly base64: string };

/**
 * What the tables of a registry say beside its manifests and blobs, compressed. Each page of rows is read for itself:
 * what changes meanwhile is in it as it was before or after.
 *
 * @param begunAt milliseconds since 1970; the snapshot has everything that was there by then
 */
export async function* encodeSnapshot(reader: Reader, begunAt: number): AsyncGenerator<Uint8Array> {
  yield* compress(inChunks(snapshotLines(reader, begunAt)), { compression: 'gzip' });
}

async function* snapshotLines(reader: Reader, begunAt: number): AsyncGenerator<Line> {
  yield { format, begunAt };
  let rows = 0;
  for (const table of snapshotTables) {
    for await (const row of readRows(reader, table)) {
      rows += 1;
      yield { table: table.name, row };
    }
  }
  // A snapshot without this line is not whole.
  yield { rows };
}

async function* readRows(
  reader: Reader,
  { columns, from, where = '1 = 1', order }: SnapshotTable,
): AsyncGenerator<{ readonly [column: string]: JsonSqlValue }> {
  const selected = columns.map(([name, expression]) => `${expression} AS "${name}"`);
  const cursor = order.map((column, index) => `${column} AS at_${index}`);
  const position = order.map((_, index) => `$${index + 1}`);
  const select = `SELECT ${[...selected, ...cursor].join(', ')} FROM ${from} WHERE ${where}`;
  const page = `ORDER BY ${order.join(', ')} LIMIT ${pageRows}`;
  const next = `${select} AND (${order.join(', ')}) > (${position.join(', ')}) ${page}`;
  for (let rows = await reader.all(`${select} ${page}`); ; ) {
    for (const row of rows) {
      yield Object.fromEntries(columns.map(([name]) => [name, toJson(row[name] as SqlValue)]));
    }
    const last = rows.at(-1);
    if (last === undefined || rows.length < pageRows) return;
    rows = await reader.all(next, ...order.map((_, index) => last[`at_${index}`] as SqlValue));
  }
}

async function* inChunks(lines: AsyncIterable<Line>): AsyncGenerator<Uint8Array> {
  let text = '';
  for await (const line of lines) {
    text += `${JSON.stringify(line)}\n`;
    if (text.length < chunkBytes) continue;
    yield Buffer.from(text);
    text = '';
  }
  yield Buffer.from(text);
}

/**
 * Reads when a snapshot was begun, having read all of it.
 *
 * @throws RegistryError CONTENT_CORRUPT if it isn't whole, and what the source throws
 */
export async function checkSnapshot(source: AsyncIterable<Uint8Array>): Promise<number> {
  let begunAt: number | undefined;
  for await (const line of readLines(source)) if ('begunAt' in line) begunAt = line.begunAt;
  if (begunAt === undefined) throw notWhole();
  return begunAt;
}

/**
 * The rows of a snapshot, in the order in which they can be put back.
 *
 * @throws RegistryError CONTENT_CORRUPT, also after rows, if it isn't whole; and what the source throws
 */
export async function* readSnapshot(source: AsyncIterable<Uint8Array>): AsyncGenerator<SnapshotRow> {
  for await (const line of readLines(source)) {
    if (!('table' in line)) continue;
    const table = snapshotTables.find(({ name }) => name === line.table);
    // Kept by another version, which knows more.
    if (table === undefined) continue;
    yield { table, values: table.columns.map(([name]) => fromJson(line.row[name])) };
  }
}

async function* readLines(source: AsyncIterable<Uint8Array>): AsyncGenerator<Line> {
  let rows = 0;
  let isFirst = true;
  let isWhole = false;
  for await (const text of splitLines(decompress(source, { compression: 'gzip', maxBytes: mostBytes }))) {
    const line = parseLine(text);
    if (isWhole || isFirst !== 'format' in line) throw notWhole();
    if ('format' in line && line.format !== format) throw notWhole();
    if ('table' in line) rows += 1;
    if ('rows' in line && line.rows !== rows) throw notWhole();
    isWhole = 'rows' in line;
    isFirst = false;
    yield line;
  }
  if (!isWhole) throw notWhole();
}

async function* splitLines(source: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  let rest = '';
  for await (const chunk of source) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split('\n');
    rest = lines.pop() ?? '';
    if (rest.length > mostLineBytes) throw notWhole();
    yield* lines;
  }
  if (rest !== '') throw notWhole();
}

function parseLine(text: string): Line {
  try {
    const line: unknown = JSON.parse(text);
    if (typeof line === 'object' && line !== null && isLine(line)) return line;
  } catch {
    // Said below.
  }
  throw notWhole();
}

/** Whether a line has what its kind must have; the values of a row are looked at when it is put back. */
function isLine(line: object): line is Line {
  if ('format' in line) return 'begunAt' in line && Number.isSafeInteger(line.begunAt);
  if ('table' in line) return 'row' in line && typeof line.row === 'object' && line.row !== null;
  return 'rows' in line;
}

function toJson(value: SqlValue): JsonSqlValue {
  return value instanceof Uint8Array ? { base64: Buffer.from(value).toString('base64') } : value;
}

function fromJson(value: JsonSqlValue | undefined): SqlValue {
  if (value === undefined || value === null) return null;
  if (typeof value === 'string' || typeof value === 'number') return value;
  if (typeof value.base64 === 'string') return new Uint8Array(Buffer.from(value.base64, 'base64'));
  throw notWhole();
}

function notWhole(): RegistryError {
  return new RegistryError('CONTENT_CORRUPT', 'a snapshot of the metadata is damaged, or not whole');
}
