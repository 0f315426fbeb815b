import type { Trust } from '@img/runtime/trust/decide';
import { type Annotations, checkAnnotations } from '@img/sign/annotation';
import type { Fingerprint } from '@img/sign/public-key';
import type { Signer } from '@img/sign/signer';
import { formatUnixTime, unixTime, unixTimeOf } from '@img/sign/unix-time';
import type { Digest } from '@img/spec/digest';
import { quote } from '@img/spec/quote';
import type { Command } from 'commander';
import { parseArgument } from '../argument.ts';
import { CliError } from '../cli-error.ts';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { openHost } from '../host/open-host.ts';
import { shortName } from '../host/short-name.ts';
import { openSigner } from '../keys/open-signer.ts';
import { isPassphraseGiven } from '../keys/passphrase.ts';
import { addPassphraseOption, type PassphraseOptions, passphraseSource } from '../keys/passphrase-option.ts';
import { collectText, parseDuration } from '../option-values.ts';
import { bold } from '../output/text.ts';
import { askKnownStatements } from '../sign/ask-known-statements.ts';
import type { Signing } from '../sign/known-statements.ts';
import { openJournal } from '../sign/open-journal.ts';
import { signTags } from '../sign/sign-tags.ts';
import { openSignedImage, type SignedImage } from '../sign/signed-place.ts';
import type { SigningJournal } from '../sign/signing-journal.ts';

type SignOptions = PassphraseOptions & {
  readonly key: string;
  readonly expires?: number;
  readonly annotation?: readonly string[];
  readonly digest?: boolean;
  readonly remote?: boolean;
  /** False for `--no-registry`, else absent. */
  readonly registry?: boolean;
};

export function configure(command: Command, context: CommandContext): void {
  command
    .argument('<image...>', 'images of this host; without a tag, all tags of the newest one')
    .requiredOption(
      '--key <key>',
      'the name of a key of yours, the file of a private key, or ssh:NAME for one of the SSH agent',
    )
    .option(
      '--expires <time>',
      'how long the signature holds, such as 30d; for ever if not given',
      parseDuration,
    )
    .option('--annotation <name=value>', 'a text for people and their tools; may be repeated', collectText)
    .option('--digest', 'state nothing about tags, only that the image is of this repository')
    .option('--remote', "sign the registry's copy, and store the signatures there")
    .option('--no-registry', "don't ask the registry for earlier signatures of the tags");
  addPassphraseOption(command);
  addExamples(
    command,
    'img sign --key alice com.example.app',
    'img sign --key alice com.example.app:1.0.0 --expires 90d',
    'img sign --key alice com.example.app com.example.web',
    'img sign --key ssh:alice@laptop --remote com.example.app:1.0.0@sha256:…',
  );
  onRun(command, context, sign);
}

async function sign(session: Session, options: SignOptions, texts: readonly string[]): Promise<void> {
  const annotations = options.annotation === undefined ? undefined : parseAnnotations(options.annotation);
  const isRemote = options.remote === true;
  const source = passphraseSource(session, options);
  const openKey = async () => await openSigner(options.key, session.config.keysFolder, source);
  // A thread of its own works on it, longer than everything else takes. Nobody is asked before the images are there.
  const opening = isPassphraseGiven(source) ? openKey() : undefined;
  opening?.catch(() => undefined);
  await using host = await openHost(session);
  const trust = await host.trust();
  await using opened = new AsyncDisposableStack();
  const images: OpenedImage[] = [];
  for (const text of texts) {
    const image = opened.use(await openSignedImage(session, host, text, { isRemote, access: 'push' }));
    const journal = opened.use(openJournal(session, { location: image.location, trust, isRemote }));
    journal.begin();
    images.push({ image, journal });
  }
  const signer = await (opening ?? openKey());
  const signed: SignedReference[] = [];
  try {
    for (const image of images) {
      signed.push(...(await signOne(session, image, { options, annotations, trust, signer })));
    }
  } catch (error) {
    session.output.story(...signed.map(({ reference }) => `${reference} was signed before this failed`));
    throw error;
  }
  showSigned(session, { signed, isRemote });
}

type OpenedImage = { readonly image: SignedImage; readonly journal: SigningJournal };

/** How all images are signed. */
type SigningTerms = {
  readonly options: SignOptions;
  readonly annotations: Annotations | undefined;
  readonly trust: Trust;
  readonly signer: Signer;
};

async function signOne(
  session: Session,
  { image, journal }: OpenedImage,
  { options, annotations, trust, signer }: SigningTerms,
): Promise<readonly SignedReference[]> {
  const { config, signal } = session;
  const { location, content, place } = image;
  const { registry } = location;
  const signing: Signing = {
    repository: location.repository,
    digest: content.descriptor.digest,
    tags: options.digest === true ? [] : image.tags,
  };
  const isAsking = options.registry !== false && options.remote !== true;
  const known = await askKnownStatements(session, {
    ...{ signing, place, registry, trust, isAsking },
    signer: signer.publicKey,
  });
  const issued = unixTimeOf(new Date());
  const expires = options.expires === undefined ? undefined : unixTime(issued + options.expires);
  const request = { ...signing, place, registry, content, signer, known, issued, expires, journal };
  const signed = await signTags({ ...request, annotations }, { signal });
  return signed.map(({ tag, sequence, expires: until, digest }) => ({
    reference: shortName({ ...location, tag, digest: tag === undefined ? digest : undefined }, config),
    digest,
    sequence: sequence ?? null,
    expires: until === undefined ? null : formatUnixTime(until),
    key: signer.publicKey.fingerprint,
  }));
}

/** A statement as the result of the command has it. */
type SignedReference = {
  readonly reference: string;
  readonly digest: Digest;
  readonly sequence: number | null;
  readonly expires: string | null;
  readonly key: Fingerprint;
};

function showSigned(
  { output }: Session,
  { signed, isRemote }: { readonly signed: readonly SignedReference[]; readonly isRemote: boolean },
): void {
  output.result(signed, () =>
    signed.map(({ reference, sequence, digest }) => [
      bold(reference),
      sequence === null ? '' : `  #${sequence}  ${digest}`,
    ]),
  );
  const [{ key = '', expires: end = null } = {}] = signed;
  const where = isRemote ? 'the signatures are in the registry' : 'img push takes the signatures along';
  output.story(`signed with ${key}${end === null ? '' : ` until ${end}`}; ${where}`);
}

/** @throws CliError USAGE */
function parseAnnotations(texts: readonly string[]): Annotations {
  const pairs = texts.map((text) => {
    const at = text.indexOf('=');
    if (at > 0) return [text.slice(0, at), text.slice(at + 1)] as const;
    throw new CliError('USAGE', `annotation ${quote(text)} should be a name, =, and a text`, {
      hint: 'for example --annotation build=4711',
    });
  });
  return parseArgument(() => checkAnnotations(Object.fromEntries(pairs)), texts.join(' '));
}
