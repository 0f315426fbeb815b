import type { Judgement } from '@img/registry/transfer/judge-image';
import type { Host } from '@img/runtime/host';
import type { RequiredAttestation } from '@img/sign/required-attestation';
import type { Command } from 'commander';
import type { Session } from '../command.ts';
import { judgeImage } from './judge-image.ts';
import { locateImage } from './locate-image.ts';
import { openHost } from './open-host.ts';
import { RemoteRepository } from './remote-repository.ts';
import { shortName } from './short-name.ts';
import { typedReference } from './typed-reference.ts';

export type JudgeOptions = {
  readonly remote?: boolean;
  readonly required?: readonly RequiredAttestation[];
};

/** A decision about an image that somebody typed. */
export type JudgedImage = Judgement & {
  /** How people call the image. */
  readonly name: string;
  /** Where it and its signatures were found. */
  readonly place: string;
};

/** Which image is looked at, or which several, and where. */
export function addJudgedImage(command: Command, count: 'one' | 'several' = 'one'): Command {
  return command
    .argument(
      count === 'one' ? '<image>' : '<image...>',
      `${count === 'one' ? 'an image' : 'images'} of this host, or of its registry if this host has none`,
    )
    .option('--remote', "look at the registry's copy and signatures");
}

/**
 * What this host would decide about the image that somebody typed if it were started now.
 *
 * @throws CliError USAGE; RegistryError REFERENCE_UNKNOWN, and what the places and the host's trust throw
 */
export async function judgeTypedImage(
  session: Session,
  text: string,
  options: JudgeOptions,
): Promise<JudgedImage> {
  await using host = await openHost(session);
  return await judgeOnHost(session, host, text, options);
}

/** {@link judgeTypedImage} for one image of several. @throws as it does */
export async function judgeOnHost(
  session: Session,
  host: Host,
  text: string,
  { remote: isRemote = false, required = [] }: JudgeOptions,
): Promise<JudgedImage> {
  const { config, signal } = session;
  const reference = typedReference(text, config);
  await using remote = new RemoteRepository(session, reference);
  const places = isRemote ? [remote] : [host.images.repository(reference), remote];
  const located = await locateImage(reference, places, { signal });
  const judgement = await judgeImage(reference, located, host, { signal, required });
  return { ...judgement, name: shortName(reference, config), place: located.place.name };
}
