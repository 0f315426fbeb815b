import type { Host } from '@img/runtime/host';
import type { Command } from 'commander';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import type { Config } from '../config/config.ts';
import { PushDestination } from '../copy/push-destination.ts';
import { pushImage } from '../copy/push-image.ts';
import { pushStory } from '../copy/push-story.ts';
import { openHost } from '../host/open-host.ts';
import { findTaggedImage, type TaggedImage } from '../host/tagged-image.ts';
import { typedRepository } from '../host/typed-reference.ts';
import { addPassphraseOption, type PassphraseOptions } from '../keys/passphrase-option.ts';
import { bold } from '../output/text.ts';

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
  const { config, output } = session;
  const startedAt = performance.now();
  await using host = await openHost(session);
  const image = await findTyped(host, text, config);
  await using destination = new PushDestination(session, image.location, image.tags[0]);
  const pushed = await pushImage(session, host, image, { ...options, destination });
  const { references, digest } = pushed;
  output.result(pushed, () => references.map((reference) => [bold(reference), `  ${digest}`]));
  output.story(pushStory(pushed, performance.now() - startedAt));
}

/** The image that is meant, with the tags that are: where a rule asks for signatures, tags come after them. */
async function findTyped(host: Host, text: string, config: Config): Promise<TaggedImage> {
  const typed = typedRepository(text, config);
  const found = await findTaggedImage(host.images, typed, config);
  const { digest, tag } = typed.reference ?? {};
  return digest === undefined ? found : { ...found, tags: tag === undefined ? [] : [tag] };
}
