import { rootSigners, signTrustRoot } from '@img/sign/signed-trust-root';
import type { Command } from 'commander';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { openSigner } from '../keys/open-signer.ts';
import { addPassphraseOption, type PassphraseOptions, passphraseSource } from '../keys/passphrase-option.ts';
import { rootDocument, rootLines } from '../trust/describe-root.ts';
import { readRootFile, writeRootFile } from '../trust/root-file.ts';

type TrustSignOptions = PassphraseOptions & { readonly key: string };

export function configure(command: Command, context: CommandContext): void {
  command
    .description('sign a trust root as one of those whose keys it, or its former version, lists')
    .argument('<file>', 'of the trust root')
    .requiredOption('--key <key>', 'a key of yours, the file of a private key, or ssh:NAME');
  addPassphraseOption(command);
  addExamples(command, 'img trust sign root.json --key alice');
  onRun(command, context, trustSign);
}

async function trustSign(session: Session, options: TrustSignOptions, path: string): Promise<void> {
  const { config, output } = session;
  const draft = await readRootFile(path);
  // Before somebody is asked for a passphrase they see what they sign.
  output.story(...rootLines(draft, new Date()));
  const signer = await openSigner(options.key, config.keysFolder, passphraseSource(session, options));
  const signed = await signTrustRoot(draft, signer);
  await writeRootFile(path, signed);
  const { root } = signed;
  const { fingerprint } = signer.publicKey;
  const count = rootSigners(signed, root.keys).length;
  output.result({ file: path, key: fingerprint, ...rootDocument(signed) }, () => [
    `${root.name} version ${root.version}: ${count} of ${root.require} signatures`,
  ]);
  if (!root.keys.some((key) => key.fingerprint === fingerprint)) {
    output.story(
      `${fingerprint} is no root key of this version; it counts only if the former version lists it`,
    );
  }
}
