import type { Descriptor } from '@img/spec/descriptor';
import { digestOf } from '@img/spec/digest';

/** Bytes to store, with the descriptor that names them. */
export type Content = {
  readonly descriptor: Descriptor;
  readonly bytes: Uint8Array;
};

export function contentOf(mediaType: string, bytes: Uint8Array): Content {
  return { descriptor: { mediaType, digest: digestOf(bytes), size: bytes.byteLength }, bytes };
}
