// The package zstd-codec has no types; this is the part of it that zstd-wasm.ts uses.
declare module 'zstd-codec/lib/module.js' {
  export type Sink = (bytes: Uint8Array) => void;

  /** Every method but delete() answers whether it worked. The memory is not freed without delete(). */
  export class Stream {
    transform(bytes: Uint8Array, sink: Sink): boolean;
    end(sink: Sink): boolean;
    delete(): void;
  }

  export class CompressStream extends Stream {
    begin(level: number): boolean;
  }

  export class DecompressStream extends Stream {
    begin(): boolean;
  }

  export type Binding = {
    readonly ZstdCompressStreamBinding: typeof CompressStream;
    readonly ZstdDecompressStreamBinding: typeof DecompressStream;
  };

  export function run(whenReady: (binding: Binding) => void): void;
}
