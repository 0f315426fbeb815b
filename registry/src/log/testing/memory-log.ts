import { signCheckpoint } from '@img/sign/log/checkpoint';
import type { KnownLog } from '@img/sign/log/known-log';
import { noteKey } from '@img/sign/log/note-key';
import { encodeNote } from '@img/sign/log/signed-note';
import { encodeEntries, tileWidth } from '@img/sign/log/tile';
import { leafHash } from '@img/sign/log/tree-hash';
import { testKey } from '@img/sign/testing/test-keys';
import { treeHashOf } from '@img/sign/testing/test-log';
import type { LogReader } from '../follow-log.ts';

const origin = 'log.example/com.example';
const signer = testKey(90);

/** The log of every {@link memoryLog}. */
export const memoryKey: KnownLog = {
  key: noteKey('log', origin, signer.publicKey),
  witnesses: [],
  requireWitnesses: 0,
};

/** The tree over some entries. */
export function treeOf(entries: readonly Uint8Array[]) {
  return { size: entries.length, root: treeHashOf(entries.map(leafHash)) };
}

/**
 * A log that is read from memory.
 *
 * @param signedEntries what it says it has, if that is not what it shows
 */
export function memoryLog(entries: readonly Uint8Array[], signedEntries = entries): LogReader {
  return {
    name: origin,
    checkpoint: async () =>
      encodeNote(await signCheckpoint({ origin, ...treeOf(signedEntries) }, memoryKey.key, signer)),
    tile: async ({ level, index, width }) => {
      const span = level === 'entries' ? 1 : tileWidth ** level;
      const parts = Array.from({ length: width }, (_, at) => {
        const begin = (index * tileWidth + at) * span;
        return entries.slice(begin, begin + span);
      });
      if (level === 'entries') return encodeEntries(parts.flat());
      return new Uint8Array(Buffer.concat(parts.map((part) => treeOf(part).root)));
    },
  };
}
