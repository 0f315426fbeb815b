import { RegistryError } from '@img/registry/registry-error';
import type { Host } from '@img/runtime/host';
import { unixTimeOf } from '@img/sign/unix-time';
import type { Session } from '../command.ts';
import { shortName } from '../host/short-name.ts';
import type { TaggedImage } from '../host/tagged-image.ts';
import { openSigner } from '../keys/open-signer.ts';
import { type PassphraseOptions, passphraseSource } from '../keys/passphrase-option.ts';
import { askKnownStatements } from '../sign/ask-known-statements.ts';
import { attestContents } from '../sign/attest-contents.ts';
import type { Signing } from '../sign/known-statements.ts';
import { openJournal } from '../sign/open-journal.ts';
import { signTags } from '../sign/sign-tags.ts';

/** Signs the tags of an image, and what is in it, on this host: the push takes all of it along. */
export async function signPushed(
  session: Session,
  host: Host,
  options: PassphraseOptions & { readonly sign: string },
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
