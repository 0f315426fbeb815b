import type { KnownLog } from '@img/sign/log/known-log';
import { formatNoteKey } from '@img/sign/log/note-key';

/** A log and its witnesses, for people. */
export function describeLog({ key, witnesses, requireWitnesses }: KnownLog): string {
  const names = witnesses.map(({ name }) => name).join(', ');
  const seen = witnesses.length === 0 ? '' : `, seen by ${requireWitnesses} of ${names}`;
  return `log       ${formatNoteKey(key)}${seen}`;
}
