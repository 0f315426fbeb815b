import { quote } from '@img/spec/quote';
import { decodeBase64, encodeBase64 } from '../base64.ts';
import { SignError } from '../sign-error.ts';
import { hashBytes, type TreeHash } from './tree-hash.ts';

/**
 * That an entry is in a log, as a text that travels with it (https://c2sp.org/tlog-proof):
 *
 *     c2sp.org/tlog-proof@v1
 *     index 73894
 *     <hash in base64, from the entry's sibling up>
 *     …
 *
 *     <checkpoint with its signatures>
 */
export type TlogProof = {
  readonly index: number;
  readonly hashes: readonly TreeHash[];
  /** A signed note, unverified. */
  readonly checkpoint: string;
};

const header = 'c2sp.org/tlog-proof@v1';

/** The longest that is read; one hash and a few witnesses have a hundred bytes each. */
export const maxProofBytes = 64 * 1024;
const maxHashes = 63;

export function encodeProof({ index, hashes, checkpoint }: TlogProof): string {
  const lines = [header, `index ${index}`, ...hashes.map(encodeBase64)];
  return `${lines.join('\n')}\n\n${checkpoint}`;
}

/** @throws SignError PROOF_INVALID */
export function parseProof(text: string): TlogProof {
  if (text.length > maxProofBytes) throw invalid(`has more than ${maxProofBytes} bytes`);
  const end = text.indexOf('\n\n');
  const [first, ...lines] = text.slice(0, Math.max(end, 0)).split('\n');
  if (first !== header) throw invalid(`should begin with ${header}, not ${quote(first)}`);
  // What comes with an entry for its own purposes means nothing here.
  if (lines[0]?.startsWith('extra ')) lines.shift();
  const [, digits] = /^index (0|[1-9]\d{0,15})$/.exec(lines[0] ?? '') ?? [];
  if (digits === undefined || !Number.isSafeInteger(Number(digits))) {
    throw invalid(`has ${quote(lines[0] ?? '')} where the index should be`);
  }
  const hashTexts = lines.slice(1);
  if (hashTexts.length > maxHashes) throw invalid(`has more than ${maxHashes} hashes`);
  const hashes = hashTexts.map((line) => {
    const hash = decodeBase64(line);
    if (hash?.byteLength !== hashBytes) throw invalid(`has ${quote(line)} where a hash should be`);
    return hash;
  });
  return { index: Number(digits), hashes, checkpoint: text.slice(end + 2) };
}

function invalid(problem: string): SignError {
  return new SignError('PROOF_INVALID', `proof of a log ${problem}`);
}
