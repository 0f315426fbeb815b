import { copy } from '@img/registry/transfer/copy';
import type { Command } from 'commander';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { openHost } from '../host/open-host.ts';
import { openRegistry } from '../host/open-registry.ts';
import { shortName } from '../host/short-name.ts';
import { findTaggedImage } from '../host/tagged-image.ts';
import { typedRepository } from '../host/typed-reference.ts';
import { countOf, formatDuration } from '../output/measure.ts';
import { bold } from '../output/text.ts';

export function configure(command: Command, context: CommandContext): void {
  command.argument(
    '<image>',
    'an image of this host, with its signatures; without a tag, all tags of the newest one',
  );
  addExamples(command, 'img push com.example.app', 'img push quay-local/com.example.app:1.0.0');
  onRun(command, context, async (session, _: object, text: string) => push(session, text));
}

async function push(session: Session, text: string): Promise<void> {
  const { config, output, signal } = session;
  const startedAt = performance.now();
  await using host = await openHost(session);
  const { location, descriptor, tags } = await findTaggedImage(
    host.images,
    typedRepository(text, config),
    config,
  );
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
