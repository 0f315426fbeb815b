import { removeSignatures } from '@img/registry/transfer/remove-signatures';
import { checkEvidence } from '@img/sign/check-evidence';
import type { Evidence } from '@img/sign/evidence';
import type { PublicKey } from '@img/sign/public-key';
import { manifestsToSign } from '@img/sign/sign-image';
import { parseManifest } from '@img/spec/manifest';
import type { Tag } from '@img/spec/tag';
import type { Command } from 'commander';
import { CliError } from '../cli-error.ts';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { openHost } from '../host/open-host.ts';
import { shortName } from '../host/short-name.ts';
import { typedRepository } from '../host/typed-reference.ts';
import { findPublicKey } from '../keys/find-public-key.ts';
import { countOf } from '../output/measure.ts';
import { openSignedImage } from '../sign/signed-place.ts';

type UnsignOptions = { readonly key: string; readonly remote?: boolean };

export function configure(command: Command, context: CommandContext): void {
  command
    .argument('<image>', 'an image of this host; with a tag, only what was signed of that tag')
    .requiredOption('--key <key>', 'whose signatures: a name of a key of yours, a public key, or ssh:NAME')
    .option('--remote', "take them from the registry's copy");
  addExamples(command, 'img unsign --key alice com.example.app:1.0.0');
  onRun(command, context, unsign);
}

async function unsign(session: Session, options: UnsignOptions, text: string): Promise<void> {
  const { config, output, signal } = session;
  const isRemote = options.remote === true;
  const key = await findPublicKey(options.key, session);
  const { reference } = typedRepository(text, config);
  await using host = await openHost(session);
  await using image = await openSignedImage(session, host, text, { isRemote, access: 'delete' });
  const { content, place, location } = image;
  const manifest = parseManifest(content.bytes, content.descriptor.mediaType);
  let removed = 0;
  for (const { digest } of manifestsToSign(content.descriptor, manifest)) {
    const isRemoved = (piece: Evidence) => isSignatureBy(key, reference?.tag, piece);
    removed += await removeSignatures(place, digest, isRemoved, { signal });
  }
  const name = shortName(reference ?? location, config);
  if (removed === 0) {
    throw new CliError(
      'SIGNATURE_UNKNOWN',
      `${name} has no signature by ${key.fingerprint} in ${place.name}`,
      {
        hint: `img signatures${isRemote ? ' --remote' : ''} ${name} lists them`,
      },
    );
  }
  const { digest } = content.descriptor;
  output.result({ reference: name, digest, key: key.fingerprint, removed }, () => [`${name}  ${digest}`]);
  output.story(
    `removed ${countOf(removed, 'signature')} by ${key.fingerprint}; copies of them elsewhere still count`,
  );
}

/** Also one that names the key and was changed. Attestations by the key stay. */
function isSignatureBy(key: PublicKey, tag: Tag | undefined, piece: Evidence): boolean {
  return checkEvidence(piece, { known: [key], tried: [key] }).some(({ key: signer, statement, problem }) => {
    if (signer === undefined) return false;
    if (statement === undefined) return problem === 'SIGNATURE_INVALID' && tag === undefined;
    return tag === undefined || statement.tag === tag;
  });
}
