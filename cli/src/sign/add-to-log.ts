import { logSignatures } from '@img/registry/log/log-signatures';
import type { Descriptor } from '@img/spec/descriptor';
import type { Session } from '../command.ts';
import { openLogs } from '../host/open-logs.ts';
import { findSignatureLog } from './find-signature-log.ts';
import type { ImageToLog } from './log-image.ts';

/**
 * Adds the signatures of manifests to the log of their registry, as far as they have no proof of it yet.
 *
 * @returns how many were added; undefined if the registry has no log for them
 */
export async function addToLog(
  session: Session,
  signed: readonly Descriptor[],
  { location, place, trust }: Omit<ImageToLog, 'descriptor'>,
): Promise<number | undefined> {
  const { signal } = session;
  await using client = openLogs(session, location.registry);
  const log = await findSignatureLog(client, location, trust.policy, { signal });
  if (log === undefined) return undefined;
  let added = 0;
  for (const { digest } of signed) added += await logSignatures(place, digest, log, { signal });
  return added;
}
