import type { LogClient } from '@img/registry/log/log-client';
import type { RepositoryLocation } from '@img/registry/transfer/content';
import type { Trust } from '@img/runtime/trust/decide';
import type { Session } from '../command.ts';
import { openLogs } from '../host/open-logs.ts';
import { findSignatureLog } from './find-signature-log.ts';
import { MadeStatements } from './made-statements.ts';
import { SigningJournal } from './signing-journal.ts';

export type JournalOptions = {
  readonly location: RepositoryLocation;
  readonly trust: Pick<Trust, 'policy'>;
  /** Whether signatures go to the registry at once; else the push has them logged. */
  readonly isRemote: boolean;
};

/** A journal of what is signed with the user's keys. Close it, or bind it with `await using`. */
export function openJournal(
  session: Session,
  { location, trust, isRemote }: JournalOptions,
): SigningJournal & AsyncDisposable {
  let client: LogClient | undefined;
  const journal = new SigningJournal({
    made: new MadeStatements(session.config.keysFolder),
    findLog: async () => {
      if (!isRemote) return undefined;
      client = openLogs(session, location.registry);
      return await findSignatureLog(client, location, trust.policy, { signal: session.signal });
    },
  });
  return Object.assign(journal, {
    [Symbol.asyncDispose]: async () => await client?.[Symbol.asyncDispose](),
  });
}
