import { RuntimeError } from '../runtime-error.ts';
import { type ByteString, byteString } from './byte-string.ts';
import { applyPaxRecords, noPaxAttributes, type PaxAttributes } from './pax-attributes.ts';
import { parsePaxRecords } from './pax-records.ts';
import { oldGnuRanges, oldGnuRealSize, SparseMapText, type SparseRange } from './sparse-map.ts';
import type { TarEntry } from './tar-entry.ts';
import { isZeros, parseTarHeader, type TarHeader, tarBlockBytes } from './tar-header.ts';
import { tarLimits } from './tar-limits.ts';
import { type MemberPrefix, type TarMember, tarEntry, tarMember } from './tar-member.ts';

/**
 * Reads a tar archive as it passes, in pieces of any size, without keeping its contents: every member is
 * reported with where its content lies. Understands V7, ustar, PAX (local and global headers), GNU long names
 * and all GNU sparse formats.
 *
 * An archive ends with two blocks of zeros or, as other readers have it too, after any member. What follows
 * the zeros must be zeros, so that no reader finds members there that another one does not see. An archive that
 * ends within a member is refused.
 *
 * Memory is bounded by one header body (1 MiB) and the global headers (1 MiB); time is linear in the bytes.
 */
export class TarReader {
  readonly #onEntry: (entry: TarEntry) => void;
  /** Where in the archive the next byte is. */
  #position = 0;
  /** Content bytes that pass unread. */
  #skipBytes = 0;
  /** The start of a block or body that came in pieces. */
  #partial: Buffer | undefined;
  #partialBytes = 0;
  /** How many bytes come next, and what happens with them. */
  #wantedBytes = tarBlockBytes;
  #take: (bytes: Uint8Array) => void = this.#takeHeader;
  #isBetweenMembers = true;
  #zeroBlocks = 0;
  #members = 0;
  #prefix: MemberPrefix = {};
  #globalAttributes: PaxAttributes = noPaxAttributes();
  #globalBytes = 0;

  /** @param onEntry is called during `push`, as soon as the headers of a member are complete */
  constructor(onEntry: (entry: TarEntry) => void) {
    this.#onEntry = onEntry;
  }

  /**
   * Takes the next piece; nothing of it is kept after the call.
   *
   * @throws RuntimeError ARCHIVE_INVALID, ARCHIVE_LIMIT, ARCHIVE_UNSUPPORTED
   */
  push(piece: Uint8Array): void {
    let at = 0;
    while (at < piece.length) {
      if (this.#skipBytes > 0) {
        const skipped = Math.min(this.#skipBytes, piece.length - at);
        this.#skipBytes -= skipped;
        at += skipped;
        this.#position += skipped;
      } else if (this.#zeroBlocks === 2) {
        this.#checkTrailer(piece.subarray(at));
        this.#position += piece.length - at;
        return;
      } else {
        at += this.#collect(piece, at);
      }
    }
  }

  /**
   * Says that the archive is complete.
   *
   * @throws RuntimeError ARCHIVE_TRUNCATED if it ends within a member
   */
  end(): void {
    if (this.#isBetweenMembers && this.#skipBytes === 0 && this.#partialBytes === 0) return;
    throw new RuntimeError(
      'ARCHIVE_TRUNCATED',
      `the tar archive ends after ${this.#position} bytes, within a member`,
      { hint: 'it was cut short where it was made or stored; make or fetch it again' },
    );
  }

  // Takes what is wanted out of the piece, without a copy where it is all there, and returns the bytes used.
  #collect(piece: Uint8Array, at: number): number {
    const wanted = this.#wantedBytes;
    if (this.#partial === undefined && piece.length - at >= wanted) {
      this.#position += wanted;
      this.#take(piece.subarray(at, at + wanted));
      return wanted;
    }
    this.#partial ??= Buffer.allocUnsafe(wanted);
    const used = Math.min(wanted - this.#partialBytes, piece.length - at);
    this.#partial.set(piece.subarray(at, at + used), this.#partialBytes);
    this.#partialBytes += used;
    this.#position += used;
    if (this.#partialBytes === wanted) {
      const complete = this.#partial;
      this.#partial = undefined;
      this.#partialBytes = 0;
      this.#take(complete);
    }
    return used;
  }

  #expect(bytes: number, take: (bytes: Uint8Array) => void): void {
    this.#wantedBytes = bytes;
    this.#take = take;
    this.#isBetweenMembers = false;
  }

  #expectHeader(isBetweenMembers: boolean): void {
    this.#expect(tarBlockBytes, this.#takeHeader);
    this.#isBetweenMembers = isBetweenMembers;
  }

  #takeHeader(block: Uint8Array): void {
    const offset = this.#position - tarBlockBytes;
    if (isZeros(block)) {
      this.#zeroBlocks += 1;
      if (!this.#isBetweenMembers) throw this.#invalid('ends within a member', offset);
      return;
    }
    if (this.#zeroBlocks > 0) throw this.#invalid('goes on after a block of zeros', offset);
    this.#countMember();
    const header = parseTarHeader(block, offset);
    switch (header.type) {
      case 'x':
      case 'X':
        this.#takeBody(header, (body) => this.#addPrefix({ records: parsePaxRecords(body) }));
        return;
      case 'g':
        this.#takeBody(header, (body) => this.#addGlobalRecords(body));
        return;
      case 'L':
        this.#takeBody(header, (body) => this.#addPrefix({ longPath: nulEnded(body) }));
        return;
      case 'K':
        this.#takeBody(header, (body) => this.#addPrefix({ longLink: nulEnded(body) }));
        return;
      default:
        this.#takeMember(tarMember(header, this.#prefix, this.#globalAttributes), block);
    }
  }

  // The body of a header that describes the member after it.
  #takeBody({ size, type }: TarHeader, use: (body: Uint8Array) => void): void {
    if (size < 0 || size > tarLimits.metadataBytes) {
      throw new RuntimeError(
        'ARCHIVE_LIMIT',
        `a header of the type ${type} in the archive has ${size} bytes, more than the ${tarLimits.metadataBytes} allowed`,
      );
    }
    const isGlobal = type === 'g';
    const isBetweenMembers = isGlobal && this.#isBetweenMembers;
    const take = (padded: Uint8Array) => {
      // A copy, because records are views and the piece that they came in is not ours.
      use(Uint8Array.from(padded.subarray(0, size)));
      this.#expectHeader(isBetweenMembers);
    };
    if (size === 0) take(new Uint8Array());
    else this.#expect(roundUp(size), take);
  }

  #addPrefix(prefix: MemberPrefix): void {
    for (const key of Object.keys(prefix) as (keyof MemberPrefix)[]) {
      if (this.#prefix[key] !== undefined)
        throw this.#invalid('has two headers of one kind for a member', this.#position);
    }
    this.#prefix = { ...this.#prefix, ...prefix };
  }

  #addGlobalRecords(body: Uint8Array): void {
    this.#globalBytes += body.length;
    if (this.#globalBytes > tarLimits.globalMetadataBytes) {
      throw new RuntimeError(
        'ARCHIVE_LIMIT',
        `the global PAX headers of the archive have more than the ${tarLimits.globalMetadataBytes} bytes allowed`,
      );
    }
    this.#globalAttributes = applyPaxRecords(this.#globalAttributes, parsePaxRecords(body));
    if (this.#globalAttributes.sparse !== undefined) {
      throw this.#invalid('has a sparse map in a global PAX header', this.#position);
    }
  }

  #takeMember(member: TarMember, header: Uint8Array): void {
    this.#prefix = {};
    switch (member.sparse) {
      case 'old-gnu':
        this.#takeOldGnuRanges(member, header);
        return;
      case 'map-before-content':
        this.#takeSparseMap(member);
        return;
      case 'pax':
      case undefined:
        this.#finish(member, {});
    }
  }

  #takeOldGnuRanges(member: TarMember, header: Uint8Array): void {
    const realSize = oldGnuRealSize(header);
    const ranges: SparseRange[] = [];
    const add = (block: Uint8Array, place: 'header' | 'extension') => {
      const found = oldGnuRanges(block, place);
      ranges.push(...found.ranges);
      checkPieces(ranges.length);
      if (found.isExtended) this.#expect(tarBlockBytes, (next) => add(next, 'extension'));
      else this.#finish(member, { ranges, realSize });
    };
    add(header, 'header');
  }

  #takeSparseMap(member: TarMember): void {
    const map = new SparseMapText();
    const take = (block: Uint8Array) => {
      const isComplete = map.push(block);
      if (map.bytes > member.storedBytes)
        throw this.#invalid('has a sparse map longer than its file', this.#position);
      if (isComplete) this.#finish(member, { ranges: map.ranges(), mapBytes: map.bytes });
    };
    this.#expect(tarBlockBytes, take);
  }

  #finish(
    member: TarMember,
    sparse: { ranges?: readonly SparseRange[]; mapBytes?: number; realSize?: number },
  ): void {
    this.#onEntry(tarEntry(member, { contentOffset: this.#position, ...sparse }));
    this.#skipBytes = roundUp(member.storedBytes - (sparse.mapBytes ?? 0));
    this.#expectHeader(true);
  }

  #countMember(): void {
    this.#members += 1;
    if (this.#members > tarLimits.entries) {
      throw new RuntimeError(
        'ARCHIVE_LIMIT',
        `the archive has more than the ${tarLimits.entries} members allowed`,
      );
    }
  }

  #checkTrailer(bytes: Uint8Array): void {
    if (!isZeros(bytes)) throw this.#invalid('has data after its end', this.#position);
  }

  #invalid(problem: string, offset: number): RuntimeError {
    return new RuntimeError('ARCHIVE_INVALID', `the tar archive ${problem}, at byte ${offset}`);
  }
}

function checkPieces(count: number): void {
  if (count <= tarLimits.sparsePieces) return;
  throw new RuntimeError(
    'ARCHIVE_LIMIT',
    `a sparse file in the archive has more than the ${tarLimits.sparsePieces} pieces allowed`,
  );
}

function nulEnded(body: Uint8Array): ByteString {
  const end = body.indexOf(0);
  return byteString(end < 0 ? body : body.subarray(0, end));
}

function roundUp(bytes: number): number {
  return Math.ceil(bytes / tarBlockBytes) * tarBlockBytes;
}
