import { quote } from '@img/spec/quote';
import { SignError } from './sign-error.ts';

/** A value of variable length as SSH writes it (RFC 4251 section 5): its length in four bytes, then its bytes. */
export function sshString(content: string | Uint8Array): Uint8Array {
  const bytes = typeof content === 'string' ? Buffer.from(content) : content;
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.byteLength);
  return Buffer.concat([length, bytes]);
}

/** Reads values that SSH wrote one after the other; every read may refuse. */
export class SshReader {
  readonly #bytes: Buffer;
  readonly #what: string;
  #offset = 0;

  /** @param what how messages name the bytes, for example `answer of the agent` */
  constructor(bytes: Uint8Array, what: string) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#what = what;
  }

  /** @throws SignError SSH_INVALID if the bytes end before */
  byte(): number {
    return this.#take(1, 'a byte')[0] as number;
  }

  /** @throws SignError SSH_INVALID if the bytes end before */
  uint32(): number {
    return this.#take(4, 'a number').readUInt32BE();
  }

  /** @throws SignError SSH_INVALID if the bytes end before */
  string(): Uint8Array {
    const length = this.uint32();
    return new Uint8Array(this.#take(length, `${length} bytes`));
  }

  /** @throws SignError SSH_INVALID if something follows */
  end(): void {
    const left = this.#bytes.byteLength - this.#offset;
    if (left > 0) throw new SignError('SSH_INVALID', `${this.#what} has ${left} bytes too many`);
  }

  #take(count: number, wanted: string): Buffer {
    const bytes = this.#bytes.subarray(this.#offset, this.#offset + count);
    if (bytes.byteLength < count) {
      throw new SignError(
        'SSH_INVALID',
        `${this.#what} ends at byte ${quote(this.#bytes.byteLength)}, where ${wanted} should be`,
      );
    }
    this.#offset += count;
    return bytes;
  }
}
