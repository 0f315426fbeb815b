import { loadTrustPolicy } from '@img/runtime/trust/load-trust-policy';
import { retireKey } from '@img/sign/edit-log-trust';
import { denyImage, readmit, revokeKey } from '@img/sign/edit-trust';
import { type Fingerprint, isFingerprint } from '@img/sign/public-key';
import type { TrustDocument } from '@img/sign/trust-document';
import { type Digest, isDigest } from '@img/spec/digest';
import type { Command } from 'commander';
import { CliError } from '../cli-error.ts';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { findPublicKey } from '../keys/find-public-key.ts';
import { parseIndex } from '../option-values.ts';
import { identityCalled } from '../trust/find-identity.ts';
import { changeLocalTrust, localTrustFile } from '../trust/local-trust.ts';
import { changeRootDocument, readRootFile } from '../trust/root-file.ts';

type RevokeOptions = {
  readonly in?: string;
  readonly undo?: boolean;
  readonly log?: string;
  readonly from?: number;
};

export function configure(command: Command, context: CommandContext): void {
  command
    .description('let a key count no longer, or an image never run, whoever signed it')
    .argument(
      '<what...>',
      'an identity, for all of its keys; a key or its fingerprint; or the digest of an image',
    )
    .option('--in <file>', 'in a trust root instead of on this host')
    .option('--undo', 'take it back')
    .option('--log <name>', 'let keys count for what this log had before the entry of --from')
    .option('--from <entry>', 'the first entry for which they no longer count', parseIndex);
  addExamples(
    command,
    'img trust revoke alice',
    'img trust revoke sha256:…',
    'img trust revoke SHA256:… --in root.json',
    'img trust revoke alice --log reg.example/log/com.example --from 73894',
  );
  onRun(command, context, revoke);
}

async function revoke(session: Session, options: RevokeOptions, words: readonly string[]): Promise<void> {
  const { config, output } = session;
  if ((options.log === undefined) !== (options.from === undefined)) {
    throw new CliError('USAGE', '--log and --from say together from where on a key no longer counts');
  }
  const banned = (await Promise.all(words.map((word) => namedBy(session, options, word)))).flat();
  const change = (document: TrustDocument) => banned.reduce(ban(options), document);
  if (options.in === undefined) await changeLocalTrust(config.trustFolders, change);
  else await changeRootDocument(options.in, change);
  const until = options.from === undefined ? 'revoked' : `counts before entry ${options.from}`;
  const verb = options.undo === true ? 'no longer revoked' : until;
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
  const identity = identityCalled(identities, word);
  if (identity !== undefined) return identity.keys.map(({ fingerprint }) => fingerprint);
  return [(await findPublicKey(word, session)).fingerprint];
}

function ban({ undo, log, from }: RevokeOptions) {
  return (document: TrustDocument, item: Fingerprint | Digest): TrustDocument => {
    if (undo === true) return readmit(document, item);
    if (isDigest(item)) return denyImage(document, item);
    if (log === undefined || from === undefined) return revokeKey(document, item);
    return retireKey(document, { key: item, log, from });
  };
}
