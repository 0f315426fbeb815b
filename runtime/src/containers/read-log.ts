import { closeSync, fstatSync, openSync, readSync, statSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';

/** A line that an app wrote, or a part of one. */
export type LogEntry = {
  readonly time: Date;
  readonly stream: 'stdout' | 'stderr';
  /** With the end of the line, unless the rest of it follows or the app ended before. */
  readonly bytes: Uint8Array;
};

export type ReadLogOptions = {
  /** Only what was written at that time or later. */
  readonly since?: Date;
  /** Of what was written before, only so many lines. */
  readonly tail?: number;
  /** Goes on until it says that the app has ended. */
  readonly follow?: () => boolean;
  readonly signal?: AbortSignal;
};

const pieceBytes = 256 * 1024;
// Nothing tells when an app writes, and a person doesn't notice.
const pauseMs = 100;
const newline = 0x0a;

/**
 * Reads what conmon has written of an app's output. When it has become too long, conmon begins a new file in its place:
 * a reader that follows goes on with that one.
 *
 * @param path of the file; without one nothing was written
 * @throws the reason of the signal
 */
export async function* readLog(
  path: string,
  { since, tail = Number.POSITIVE_INFINITY, follow, signal }: ReadLogOptions = {},
): AsyncGenerator<LogEntry> {
  let reader = LogReader.open(path);
  let lines = tail;
  try {
    for (;;) {
      // Asked before reading, so that what is written until the end is still read.
      const isOver = follow === undefined || !follow();
      // Also before reading: into a file that was replaced nothing is written any more.
      const isReplaced = reader?.isReplaced() !== false;
      const entries = reader?.read(since) ?? [];
      yield* Number.isFinite(lines) ? lastLines(entries, lines) : entries;
      lines = Number.POSITIVE_INFINITY;
      if (isReplaced) {
        reader?.close();
        reader = LogReader.open(path);
        if (reader !== undefined) continue;
      }
      if (isOver) return;
      await delay(pauseMs, undefined, signal === undefined ? {} : { signal });
    }
  } finally {
    reader?.close();
  }
}

function lastLines(entries: Iterable<LogEntry>, count: number): readonly LogEntry[] {
  const lines: LogEntry[][] = [[]];
  for (const entry of entries) {
    lines.at(-1)?.push(entry);
    if (entry.bytes.at(-1) === newline) lines.push([]);
    // The last one is what follows the end of a line, and usually empty.
    if (lines.length > count + 1) lines.shift();
  }
  const isEnded = lines.at(-1)?.length === 0;
  return (isEnded ? lines : lines.slice(-count)).flat();
}

class LogReader {
  readonly #path: string;
  readonly #descriptor: number;
  readonly #inode: bigint;
  #rest: Buffer = Buffer.alloc(0);

  private constructor(path: string, descriptor: number) {
    this.#path = path;
    this.#descriptor = descriptor;
    this.#inode = fstatSync(descriptor, { bigint: true }).ino;
  }

  static open(path: string): LogReader | undefined {
    try {
      return new LogReader(path, openSync(path, 'r'));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw error;
    }
  }

  /** What was written since it was asked before, as far as it is not older. */
  *read(since = new Date(0)): Generator<LogEntry> {
    const piece = Buffer.alloc(pieceBytes);
    for (;;) {
      const length = readSync(this.#descriptor, piece);
      if (length === 0) return;
      const bytes = Buffer.concat([this.#rest, piece.subarray(0, length)]);
      let start = 0;
      for (let end = bytes.indexOf(newline); end >= 0; end = bytes.indexOf(newline, start)) {
        const entry = parseLogLine(bytes.subarray(start, end));
        if (entry !== undefined && entry.time >= since) yield entry;
        start = end + 1;
      }
      this.#rest = bytes.subarray(start);
    }
  }

  /** Whether another file has its name; not if there is none, because then the container is gone. */
  isReplaced(): boolean {
    const now = statSync(this.#path, { bigint: true, throwIfNoEntry: false });
    return now !== undefined && now.ino !== this.#inode;
  }

  close(): void {
    closeSync(this.#descriptor);
  }
}

/** `TIME stdout|stderr F|P TEXT`: a full line, or a part of one. Undefined for what was not written completely. */
export function parseLogLine(line: Buffer): LogEntry | undefined {
  const [, time = '', stream, tag] =
    /^(\S{1,64}) (stdout|stderr) ([FP]) /.exec(line.toString('latin1', 0, 96)) ?? [];
  if (stream !== 'stdout' && stream !== 'stderr') return undefined;
  const text = line.subarray(time.length + stream.length + 4);
  const date = new Date(time);
  if (Number.isNaN(date.getTime())) return undefined;
  return {
    time: date,
    stream,
    bytes: tag === 'F' ? Buffer.concat([text, Buffer.from('\n')]) : Buffer.from(text),
  };
}
