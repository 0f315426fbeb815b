import { quote } from '@img/spec/quote';
import { BuilderError } from '../builder-error.ts';
import { ByteReader } from './byte-reader.ts';

/** A member of an ar archive, as it passes. */
export type ArMember = {
  readonly name: string;
  readonly sizeBytes: number;
  /** Can be read once, before the next member is asked for; what is left unread is skipped. */
  readonly content: AsyncIterable<Uint8Array>;
};

const magic = '!<arch>\n';
const headerBytes = 60;

/**
 * Reads an ar archive as deb(5) defines it, strictly, so that every reader of a .deb finds the same members.
 * Ends the source on every exit.
 *
 * @param what how messages name the archive
 * @throws BuilderError AR_INVALID
 */
export async function* readAr(
  source: AsyncIterable<Uint8Array>,
  what: string,
): AsyncGenerator<ArMember, void, undefined> {
  const reader = new ByteReader(source);
  try {
    if ((await reader.exactly(magic.length)).toString('latin1') !== magic) {
      throw invalid(what, 'is not an ar archive, which begins with "!<arch>"');
    }
    for (;;) {
      const header = await reader.exactly(headerBytes);
      if (header.byteLength === 0) return;
      const { name, sizeBytes } = parseHeader(header.toString('latin1'), what);
      const content = new MemberContent(reader, sizeBytes, what);
      yield { name, sizeBytes, content };
      await content.skip();
      // Members begin at even offsets; the byte in between is a newline.
      if (sizeBytes % 2 === 1 && (await reader.exactly(1)).toString('latin1') !== '\n') {
        throw invalid(what, `has no newline after the member ${quote(name)} of odd size`);
      }
    }
  } finally {
    await reader.end();
  }
}

class MemberContent implements AsyncIterable<Uint8Array> {
  readonly #reader: ByteReader;
  readonly #what: string;
  #unread: number;

  constructor(reader: ByteReader, sizeBytes: number, what: string) {
    this.#reader = reader;
    this.#what = what;
    this.#unread = sizeBytes;
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<Uint8Array, void, undefined> {
    while (this.#unread > 0) {
      const piece = await this.#reader.upTo(this.#unread);
      if (piece === undefined)
        throw invalid(this.#what, `ends ${this.#unread} bytes before its last member does`);
      this.#unread -= piece.byteLength;
      yield piece;
    }
  }

  async skip(): Promise<void> {
    for await (const piece of this) void piece;
  }
}

/** The fields are text, filled up with spaces; only name and size say anything about the content. */
function parseHeader(header: string, what: string): { readonly name: string; readonly sizeBytes: number } {
  const name = header.slice(0, 16).trimEnd();
  const size = header.slice(48, 58).trimEnd();
  const isPlain = /^[\x21-\x7e]+$/.test(name) && /^[ 0-9]*$/.test(header.slice(16, 48));
  if (!isPlain || !/^\d{1,10}$/.test(size) || header.slice(58) !== '`\n') {
    throw invalid(what, `has the invalid member header ${quote(header)}`);
  }
  // Some writers end names with a slash.
  return { name: name.replace(/\/$/, ''), sizeBytes: Number(size) };
}

function invalid(what: string, problem: string): BuilderError {
  return new BuilderError('AR_INVALID', `${quote(what)} ${problem}`);
}
