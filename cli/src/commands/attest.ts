import { parsePredicate, signAttestation } from '@img/sign/attestation';
import { parsePredicateTypes, predicateNames, predicateTypeFor } from '@img/sign/predicate-type';
import { unixTimeOf } from '@img/sign/unix-time';
import { limits } from '@img/spec/limits';
import { quote } from '@img/spec/quote';
import type { Command } from 'commander';
import { parseArgument } from '../argument.ts';
import { CliError } from '../cli-error.ts';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { openHost } from '../host/open-host.ts';
import { shortName } from '../host/short-name.ts';
import { openSigner } from '../keys/open-signer.ts';
import { addPassphraseOption, type PassphraseOptions, passphraseSource } from '../keys/passphrase-option.ts';
import { bold } from '../output/text.ts';
import { readSmallFile } from '../read-small-file.ts';
import { storeSigned } from '../sign/sign-tags.ts';
import { openSignedImage } from '../sign/signed-place.ts';

type AttestOptions = PassphraseOptions & {
  readonly key: string;
  readonly type: string;
  readonly remote?: boolean;
};

export function configure(command: Command, context: CommandContext): void {
  command
    .argument('<image>', 'an image of this host')
    .argument(
      '<file>',
      'what to state of it: a JSON object, such as an SBOM; /dev/stdin for what is piped in',
    )
    .requiredOption('--type <type>', `${predicateNames.join(', ')}, or a URI`)
    .requiredOption('--key <key>', 'a key of yours, the file of a private key, or ssh:NAME')
    .option('--remote', "attach it to the registry's copy");
  addPassphraseOption(command);
  command.addHelpText(
    'after',
    '\ncosign takes everything that a key attests for a signature of the image: use a key of its own.',
  );
  addExamples(
    command,
    'img attest --type sbom --key builder com.example.app sbom.spdx.json',
    'img verify com.example.app --require sbom',
  );
  onRun(command, context, attest);
}

async function attest(session: Session, options: AttestOptions, text: string, path: string): Promise<void> {
  const { config, output, signal } = session;
  parseArgument(parsePredicateTypes, options.type);
  const predicate = await readSmallFile(path, { maxBytes: limits.attestationBytes });
  if (predicate === undefined) throw new CliError('USAGE', `there is no file ${quote(path)}`);
  const predicateType = predicateTypeFor(options.type, parsePredicate(predicate));
  await using host = await openHost(session);
  const isRemote = options.remote === true;
  await using image = await openSignedImage(session, host, text, { isRemote, access: 'push' });
  const { content, location, place } = image;
  const signer = await openSigner(options.key, config.keysFolder, passphraseSource(session, options));
  const subject = content.descriptor;
  const name = `${location.registry}/${location.repository}`;
  const created = unixTimeOf(new Date());
  const signed = await signAttestation(signer, { subject, name, predicateType, predicate, created });
  await storeSigned(signed, place, { signal });
  const { digest } = subject;
  const reference = shortName({ ...location, digest }, config);
  const { fingerprint } = signer.publicKey;
  output.result({ reference, digest, predicateType, key: fingerprint }, () => [
    [bold(reference), `  ${predicateType}`],
  ]);
  const where = isRemote ? 'it is in the registry' : 'img push takes it along';
  output.story(`attested with ${fingerprint}; ${where}`);
}
