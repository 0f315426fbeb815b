import { parseJson } from '@img/spec/json';
import { SpecError } from '@img/spec/spec-error';

const owner = 'FDO\0';
const noteType = 0x407c_0c0a;
const wanted: ReadonlySet<unknown> = new Set(['required', 'recommended']);

/**
 * The libraries that a program loads while it runs and wants in an ordinary installation, as notes of its file say
 * (uapi-group.org, "ELF Metadata: dlopen"). Of several names for one need all are given. Notes of another
 * kind or form say nothing.
 */
export function dlopenNames(notes: Buffer, isLittle: boolean): readonly string[] {
  const int = (at: number) => (isLittle ? notes.readUInt32LE(at) : notes.readUInt32BE(at));
  const names: string[] = [];
  for (let at = 0; at + 12 <= notes.byteLength; ) {
    const [nameBytes, contentBytes] = [int(at), int(at + 4)];
    const begin = at + 12 + aligned(nameBytes);
    const end = begin + contentBytes;
    if (end > notes.byteLength) break;
    const name = notes.toString('latin1', at + 12, at + 12 + nameBytes);
    if (name === owner && int(at + 8) === noteType) names.push(...namesIn(notes.subarray(begin, end)));
    at = begin + aligned(contentBytes);
  }
  return names;
}

function aligned(sizeBytes: number): number {
  return Math.ceil(sizeBytes / 4) * 4;
}

function namesIn(content: Buffer): readonly string[] {
  const end = content.indexOf(0);
  const needs = jsonOf(end < 0 ? content : content.subarray(0, end));
  if (!Array.isArray(needs)) return [];
  return needs.flatMap((need: unknown) => {
    const { soname, priority = 'recommended' } = (need ?? {}) as { soname?: unknown; priority?: unknown };
    if (!wanted.has(priority) || !Array.isArray(soname)) return [];
    // A name, never a path.
    return soname.filter((name): name is string => typeof name === 'string' && /^[^/\0]+$/.test(name));
  });
}

function jsonOf(bytes: Uint8Array): unknown {
  try {
    return parseJson(bytes, { maxBytes: 64 * 1024 });
  } catch (error) {
    if (error instanceof SpecError) return undefined;
    throw error;
  }
}
