/** What a Range header asks of content with a known size. */
export type ByteRange =
  | { readonly kind: 'whole' }
  | { readonly kind: 'part'; readonly offset: number; readonly length: number }
  | { readonly kind: 'unsatisfiable' };

const whole: ByteRange = { kind: 'whole' };
const unsatisfiable: ByteRange = { kind: 'unsatisfiable' };

/**
 * Reads a Range header (RFC 9110 section 14). Other units and several ranges are answered with the whole content,
 * as the RFC allows; a single range of bytes that is malformed or outside is not satisfiable.
 */
export function parseByteRange(header: string, size: number): ByteRange {
  const list = /^bytes *= *(.*)$/i.exec(header.trim())?.[1];
  if (list === undefined || list.includes(',')) return whole;
  const match = /^(\d{0,16})-(\d{0,16})$/.exec(list.trim());
  if (match === null) return unsatisfiable;
  const [first, last] = [match[1] ?? '', match[2] ?? ''];
  if (first === '') return last === '' ? unsatisfiable : lastBytes(Number(last), size);
  const offset = Number(first);
  const end = last === '' ? size - 1 : Math.min(Number(last), size - 1);
  return offset > end ? unsatisfiable : { kind: 'part', offset, length: end - offset + 1 };
}

function lastBytes(count: number, size: number): ByteRange {
  const length = Math.min(count, size);
  return length === 0 ? unsatisfiable : { kind: 'part', offset: size - length, length };
}
