import { loadTrustPolicy } from '@img/runtime/trust/load-trust-policy';
import { denyImage, readmit, revokeKey } from '@img/sign/edit-trust';
import { type Fingerprint, isFingerprint } from '@img/sign/public-key';
import type { TrustDocument } from '@img/sign/trust-document';
import { type Digest, isDigest } from '@img/spec/digest';
import type { Command } from 'commander';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { findPublicKey } from '../keys/find-public-key.ts';
import { changeLocalTrust, localTrustFile } from '../trust/local-trust.ts';
import { changeRootDocument, readRootFile } from '../trust/root-file.ts';

type RevokeOptions = { readonly in?: string; readonly undo?: boolean };

export function configure(command: Command, context: CommandContext): void {
  command
    .description('let a key count no longer, or an image never run, whoever signed it')
    .argument(
      '<what...>',
      'an identity, for all of its keys; a key or its fingerprint; or the digest of an image',
    )
    .option('--in <file>', 'in a trust root instead of on this host')
    .option('--undo', 'take it back');
  addExamples(
    command,
    'img trust revoke alice',
    'img trust revoke sha256:…',
    'img trust revoke SHA256:… --in root.json',
  );
  onRun(command, context, revoke);
}

async function revoke(session: Session, options: RevokeOptions, words: readonly string[]): Promise<void> {
  const { config, output } = session;
  const banned = (await Promise.all(words.map((word) => namedBy(session, options, word)))).flat();
  const change = (document: TrustDocument) => banned.reduce(ban(options.undo === true), document);
  if (options.in === undefined) await changeLocalTrust(config.trustFolders, change);
  else await changeRootDocument(options.in, change);
  const verb = options.undo === true ? 'no longer revoked' : 'revoked';
  output.result({ banned, isRevoked: options.undo !== true }, () => banned.map((item) => `${verb}  ${item}`));
  const place = options.in ?? localTrustFile(config.trustFolders);
  output.story(
    `written to ${place}${options.in === undefined ? '' : '; the draft has to be signed: img trust sign'}`,
  );
}

/** Of an identity, all keys that are known under its id where the change is made. */
async function namedBy(
  session: Session,
  { in: file }: RevokeOptions,
  word: string,
): Promise<readonly (Fingerprint | Digest)[]> {
  if (isDigest(word) || isFingerprint(word)) return [word];
  const identities =
    file === undefined
      ? [...(await loadTrustPolicy(session.config.trustFolders)).identities.values()]
      : (await readRootFile(file)).root.document.identities;
  const identity = identities.find(({ id }) => id === word);
  if (identity !== undefined) return identity.keys.map(({ fingerprint }) => fingerprint);
  return [(await findPublicKey(word, session)).fingerprint];
}

function ban(isUndone: boolean) {
  return (document: TrustDocument, item: Fingerprint | Digest): TrustDocument => {
    if (isUndone) return readmit(document, item);
    return isDigest(item) ? denyImage(document, item) : revokeKey(document, item);
  };
}
