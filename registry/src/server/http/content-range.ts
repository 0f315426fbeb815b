/** Where a chunk of an upload belongs, both ends included. */
export type ChunkRange = { readonly start: number; readonly end: number };

/**
 * Reads the Content-Range of a chunk: `<start>-<end>` (distribution-spec, "Pushing a blob in chunks"), or as HTTP
 * writes it, `bytes <start>-<end>/<size>`.
 *
 * @returns undefined for anything else
 */
export function parseChunkRange(header: string): ChunkRange | undefined {
  const match = /^(?:bytes[ =]+)?(\d{1,15})-(\d{1,15})(?:\/(?:\d{1,15}|\*))?$/i.exec(header.trim());
  if (match === null) return undefined;
  const [start, end] = [Number(match[1]), Number(match[2])];
  return start <= end ? { start, end } : undefined;
}
