import type { ByteString } from '../tar/byte-string.ts';

/** A file, folder or link that is copied. */
export type CopyItem = {
  /** Below what is copied as a whole, components joined by single slashes; empty for that itself. */
  readonly path: ByteString;
  /** `same`: another name of a file that came before. */
  readonly kind: 'file' | 'folder' | 'link' | 'same';
  /** 12 bits. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly mtimeSeconds: number;
  readonly mtimeNanoseconds: number;
  /** Of the content; 0 for everything but files. */
  readonly sizeBytes: number;
  /** Where a link leads, or the path of the file that came before; else empty. */
  readonly target: ByteString;
  /** Of a file: read once, before the next item is asked for. */
  readonly content: () => AsyncIterable<Uint8Array>;
};

/** Told what is left out, and why: what is neither a file, a folder nor a link. */
export type OnLeftOut = (path: ByteString, what: string) => void;

export async function* noContent(): AsyncGenerator<Uint8Array> {
  // Nothing to read.
}
