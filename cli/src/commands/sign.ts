import { RegistryError } from '@img/registry/registry-error';
import type { ContentSource } from '@img/registry/transfer/content';
import type { Trust } from '@img/runtime/trust/decide';
import type { PublicKey } from '@img/sign/public-key';
import type { Statement } from '@img/sign/statement';
import { formatUnixTime, unixTime, unixTimeOf } from '@img/sign/unix-time';
import type { RegistryHost } from '@img/spec/registry-host';
import type { Command } from 'commander';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { openHost } from '../host/open-host.ts';
import { openRegistry } from '../host/open-registry.ts';
import { shortName } from '../host/short-name.ts';
import { findTaggedImage } from '../host/tagged-image.ts';
import { typedRepository } from '../host/typed-reference.ts';
import { openSigner } from '../keys/open-signer.ts';
import { addPassphraseOption, type PassphraseOptions, passphraseSource } from '../keys/passphrase-option.ts';
import { parseDuration } from '../option-values.ts';
import { bold } from '../output/text.ts';
import { countingKeys, rememberedStatements, type Signing, statementsAt } from '../sign/known-statements.ts';
import { signTags } from '../sign/sign-tags.ts';

type SignOptions = PassphraseOptions & {
  readonly key: string;
  readonly expires?: number;
  /** False for `--no-registry`, else absent. */
  readonly registry?: boolean;
};

export function configure(command: Command, context: CommandContext): void {
  command
    .argument('<image>', 'an image of this host; without a tag, all tags of the newest one')
    .requiredOption(
      '--key <key>',
      'the name of a key of yours, the file of a private key, or ssh:NAME for one of the SSH agent',
    )
    .option(
      '--expires <time>',
      'how long the signature holds, such as 30d; for ever if not given',
      parseDuration,
    )
    .option('--no-registry', "don't ask the registry for earlier signatures of the tags");
  addPassphraseOption(command);
  addExamples(
    command,
    'img sign --key alice com.example.app',
    'img sign --key alice com.example.app:1.0.0 --expires 90d',
    'img sign --key ssh:alice@laptop com.example.app',
  );
  onRun(command, context, sign);
}

type KnownRequest = {
  readonly signing: Signing;
  /** The image's repository on this host. */
  readonly place: ContentSource;
  readonly registry: RegistryHost;
  readonly signer: PublicKey;
  readonly trust: Trust;
};

async function sign(session: Session, options: SignOptions, text: string): Promise<void> {
  const { config, output, signal } = session;
  await using host = await openHost(session);
  const { location, descriptor, tags } = await findTaggedImage(
    host.images,
    typedRepository(text, config),
    config,
  );
  const place = host.images.repository(location);
  const content = await place.getManifest(descriptor.digest);
  if (content === undefined) throw new RegistryError('REFERENCE_UNKNOWN', `image ${text} was just removed`);
  const signer = await openSigner(options.key, config.keysFolder, passphraseSource(session, options));
  const signing: Signing = { repository: location.repository, digest: descriptor.digest, tags };
  const known = await knownStatements(session, options, {
    signing,
    place,
    registry: location.registry,
    signer: signer.publicKey,
    trust: await host.trust(),
  });
  const issued = unixTimeOf(new Date());
  const expires = options.expires === undefined ? undefined : unixTime(issued + options.expires);
  const request = { ...signing, place, registry: location.registry, content, signer, known, issued, expires };
  const signed = await signTags(request, { signal });
  const document = signed.map(({ tag, sequence, digest }) => ({
    reference: shortName({ ...location, tag, digest: tag === undefined ? digest : undefined }, config),
    digest,
    sequence: sequence ?? null,
    expires: expires === undefined ? null : formatUnixTime(expires),
    key: signer.publicKey.fingerprint,
  }));
  output.result(document, () =>
    document.map(({ reference, sequence }) => [
      bold(reference),
      sequence === null ? '' : `  #${sequence}`,
      `  ${descriptor.digest}`,
    ]),
  );
  const end = expires === undefined ? '' : ` until ${formatUnixTime(expires)}`;
  output.story(`signed with ${signer.publicKey.fingerprint}${end}; img push takes the signatures along`);
}

async function knownStatements(
  session: Session,
  { registry: asksRegistry }: SignOptions,
  { signing, place, registry, signer, trust }: KnownRequest,
): Promise<readonly Statement[]> {
  const { output, signal } = session;
  const keys = countingKeys(signer, signing.repository, trust.policy);
  const here = [
    ...(await rememberedStatements(signing, trust)),
    ...(await statementsAt(place, signing, keys, { signal })),
  ];
  if (asksRegistry === false) return here;
  await using client = openRegistry(session, registry, { retry: { attempts: 1 } });
  try {
    return [
      ...here,
      ...(await statementsAt(client.repository(signing.repository, 'pull'), signing, keys, { signal })),
    ];
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    output.story(
      `numbered by what this host knows alone, because the registry can't be asked: ${error.message}`,
    );
    return here;
  }
}
