import { RegistryError } from '@img/registry/registry-error';
import { copy } from '@img/registry/transfer/copy';
import type { Host } from '@img/runtime/host';
import { unixTimeOf } from '@img/sign/unix-time';
import type { Command } from 'commander';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import type { Config } from '../config/config.ts';
import { openHost } from '../host/open-host.ts';
import { openRegistry } from '../host/open-registry.ts';
import { shortName } from '../host/short-name.ts';
import { findTaggedImage, type TaggedImage } from '../host/tagged-image.ts';
import { typedRepository } from '../host/typed-reference.ts';
import { openSigner } from '../keys/open-signer.ts';
import { addPassphraseOption, type PassphraseOptions, passphraseSource } from '../keys/passphrase-option.ts';
import { countOf, formatDuration } from '../output/measure.ts';
import { bold } from '../output/text.ts';
import { askKnownStatements } from '../sign/ask-known-statements.ts';
import { attestContents } from '../sign/attest-contents.ts';
import type { Signing } from '../sign/known-statements.ts';
import { logImage } from '../sign/log-image.ts';
import { openJournal } from '../sign/open-journal.ts';
import { signTags } from '../sign/sign-tags.ts';

type PushOptions = PassphraseOptions & { readonly sign?: string };

export function configure(command: Command, context: CommandContext): void {
  command.argument(
    '<image>',
    'an image of this host, with its signatures; without a tag, all tags of the newest one; by digest, no tag',
  );
  command.option(
    '--sign <key>',
    'sign its tags, what is in it and how it was built, as img sign and img attest do',
  );
  addPassphraseOption(command);
  addExamples(
    command,
    'img push com.example.app',
    'img push --sign alice com.example.app',
    'img push quay-local/com.example.app:1.0.0',
  );
  onRun(command, context, push);
}

async function push(session: Session, options: PushOptions, text: string): Promise<void> {
  const { config, output, signal } = session;
  const startedAt = performance.now();
  await using host = await openHost(session);
  const image = await findTyped(host, text, config);
  const { location, descriptor, tags } = image;
  if (options.sign !== undefined) await signAll(session, host, { ...options, sign: options.sign }, image);
  await logAll(session, host, image);
  await using client = openRegistry(session, location.registry);
  const { copiedBlobs, presentBlobs } = await copy({
    source: host.images.repository(location),
    target: client.repository(location.repository, 'push'),
    reference: descriptor.digest,
    tags,
    progress: output.progress,
    signal,
  });
  const { digest } = descriptor;
  const references =
    tags.length === 0
      ? [shortName({ ...location, digest }, config)]
      : tags.map((tag) => shortName({ ...location, tag }, config));
  output.result({ references, digest, copiedBlobs, presentBlobs }, () =>
    references.map((reference) => [bold(reference), `  ${digest}`]),
  );
  const took = formatDuration(performance.now() - startedAt);
  output.story(`${countOf(copiedBlobs, 'blob')} sent, ${presentBlobs} were there already, in ${took}`);
}

/** The image that is meant, with the tags that are: where a rule asks for signatures, tags come after them. */
async function findTyped(host: Host, text: string, config: Config): Promise<TaggedImage> {
  const typed = typedRepository(text, config);
  const found = await findTaggedImage(host.images, typed, config);
  const { digest, tag } = typed.reference ?? {};
  return digest === undefined ? found : { ...found, tags: tag === undefined ? [] : [tag] };
}

/** Adds the signatures of an image to the log of its registry, if it has one: their proofs go with the push. */
async function logAll(session: Session, host: Host, { location, descriptor }: TaggedImage): Promise<void> {
  const place = host.images.repository(location);
  const added = await logImage(session, { location, place, descriptor, trust: await host.trust() });
  if (added !== undefined && added > 0) session.output.story(`${countOf(added, 'signature')} logged`);
}

/** Signs the tags of an image, and what is in it, on this host: the push takes all of it along. */
async function signAll(
  session: Session,
  host: Host,
  options: PushOptions & { readonly sign: string },
  { location, descriptor, tags }: TaggedImage,
): Promise<void> {
  const { config, output, signal } = session;
  const { registry, repository } = location;
  const place = host.images.repository(location);
  const content = await place.getManifest(descriptor.digest);
  if (content === undefined) {
    throw new RegistryError('REFERENCE_UNKNOWN', `image ${shortName(location, config)} was just removed`);
  }
  const signer = await openSigner(options.sign, config.keysFolder, passphraseSource(session, options));
  const signing: Signing = { repository, digest: descriptor.digest, tags };
  const trust = await host.trust();
  const known = await askKnownStatements(session, {
    signing,
    place,
    registry,
    signer: signer.publicKey,
    trust,
    isAsking: true,
  });
  const issued = unixTimeOf(new Date());
  await using journal = openJournal(session, { location, trust, isRemote: false });
  await signTags(
    { ...signing, place, registry, content, signer, known, issued, expires: undefined, journal },
    { signal },
  );
  const count = await attestContents(session, host, { location, content, place, signer, created: issued });
  const images = count === 1 ? '' : ` of ${count} images`;
  output.story(`signed with ${signer.publicKey.fingerprint}, and the list of packages${images}`);
}
