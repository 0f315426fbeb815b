import type { LogClient } from '@img/registry/log/log-client';
import type { LogDocument } from '@img/registry/log/log-document';
import type { SignatureLog } from '@img/registry/log/log-signatures';
import type { ContentOptions, RepositoryLocation } from '@img/registry/transfer/content';
import type { KnownLog } from '@img/sign/log/known-log';
import { isSameNoteKey, parseNoteKey } from '@img/sign/log/note-key';
import type { TrustPolicy } from '@img/sign/trust-policy';
import { CliError } from '../cli-error.ts';

/** The log that signatures of a repository go to; undefined if its registry has none. @throws as {@link knownLog} */
export async function findSignatureLog(
  client: LogClient,
  { repository }: RepositoryLocation,
  policy: TrustPolicy,
  options: ContentOptions,
): Promise<SignatureLog | undefined> {
  const document = await client.find(repository, options);
  if (document === undefined) return undefined;
  return {
    log: knownLog(document, policy),
    repository,
    add: (bundle, addOptions) => client.add(document, repository, bundle, addOptions),
  };
}

/**
 * A log as this host knows it, or, where it doesn't, as its registry describes it.
 *
 * @throws CliError KEY_UNSUITABLE if the two have different keys
 */
export function knownLog({ key: text, witnesses }: LogDocument, policy: TrustPolicy): KnownLog {
  const key = parseNoteKey(text);
  const known = policy.logs.get(key.name);
  if (known === undefined) {
    return {
      key,
      witnesses: witnesses.map((witness) => parseNoteKey(witness.key)),
      requireWitnesses: witnesses.length,
    };
  }
  if (isSameNoteKey(known.key, key)) return known;
  throw new CliError(
    'KEY_UNSUITABLE',
    `the log ${key.name} has another key now than the one that is trusted here`,
    {
      hint: 'ask who runs the registry why: with a new key it can show another past',
    },
  );
}
