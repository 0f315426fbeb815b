import { signCheckpoint, withSignatures } from '../log/checkpoint.ts';
import { inclusionRanges } from '../log/inclusion-proof.ts';
import { type NoteKey, noteKey } from '../log/note-key.ts';
import { cosignNote, encodeNote, type SignedNote } from '../log/signed-note.ts';
import { encodeProof } from '../log/tlog-proof.ts';
import { emptyRoot, leafHash, nodeHash, type TreeHash } from '../log/tree-hash.ts';
import type { TreeRange } from '../log/tree-range.ts';
import type { PrivateKey } from '../private-key.ts';
import { parseUnixTime } from '../unix-time.ts';
import { testKey } from './test-keys.ts';

const seenAt = parseUnixTime('2026-11-22T12:00:00Z');

/** The hash of some entries as the definition says it (RFC 6962 section 2.1), which is slow. */
export function treeHashOf(leaves: readonly TreeHash[]): TreeHash {
  if (leaves.length <= 1) return leaves[0] ?? emptyRoot;
  let split = 1;
  while (split * 2 < leaves.length) split *= 2;
  return nodeHash(treeHashOf(leaves.slice(0, split)), treeHashOf(leaves.slice(split)));
}

/** A witness of tests. */
export type TestWitness = { readonly key: NoteKey; readonly signer: PrivateKey };

export function testWitness(name: string, seed: number): TestWitness {
  return { key: noteKey('witness', name, testKey(seed).publicKey), signer: testKey(seed) };
}

/** A log in memory. */
export class TestLog {
  readonly key: NoteKey;
  readonly #signer: PrivateKey;
  readonly #leaves: TreeHash[];

  constructor(name = 'log.example/com.example', seed = 90, entries: readonly Uint8Array[] = []) {
    this.#signer = testKey(seed);
    this.key = noteKey('log', name, this.#signer.publicKey);
    this.#leaves = entries.map(leafHash);
  }

  /** Returns the index of the entry. */
  append(entry: Uint8Array): number {
    return this.#leaves.push(leafHash(entry)) - 1;
  }

  hashesOf(ranges: readonly TreeRange[]): readonly TreeHash[] {
    return ranges.map(({ begin, end }) => treeHashOf(this.#leaves.slice(begin, end)));
  }

  async note(witnesses: readonly TestWitness[] = [], size = this.#leaves.length): Promise<SignedNote> {
    const root = treeHashOf(this.#leaves.slice(0, size));
    const note = await signCheckpoint({ origin: this.key.name, size, root }, this.key, this.#signer);
    const seen = await Promise.all(
      witnesses.map((witness) => cosignNote(note.text, { ...witness, time: seenAt })),
    );
    return withSignatures(note, seen);
  }

  async prove(index: number, witnesses: readonly TestWitness[] = []): Promise<string> {
    const hashes = this.hashesOf(inclusionRanges(index, this.#leaves.length));
    return encodeProof({ index, hashes, checkpoint: encodeNote(await this.note(witnesses)) });
  }
}
