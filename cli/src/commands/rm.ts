import type { StoredImage } from '@img/registry/images/image-store';
import type { RepositoryLocation } from '@img/registry/transfer/content';
import type { Host } from '@img/runtime/host';
import { type Digest, isDigest } from '@img/spec/digest';
import type { Tag } from '@img/spec/tag';
import type { Command } from 'commander';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import type { Config } from '../config/config.ts';
import { openHost } from '../host/open-host.ts';
import { shortName } from '../host/short-name.ts';
import { findTaggedImage } from '../host/tagged-image.ts';
import { typedRepository } from '../host/typed-reference.ts';
import { countOf } from '../output/measure.ts';

export function configure(command: Command, context: CommandContext): void {
  command.argument(
    '[image...]',
    'a name with a tag, a name for all tags of its newest image, or a digest; without any, only the content that no image needs is removed',
  );
  addExamples(command, 'img rm com.example.app:1.0.0', 'img rm sha256:3f2a91c0', 'img rm');
  onRun(command, context, async (session, _: object, images: readonly string[]) => remove(session, images));
}

async function remove(session: Session, images: readonly string[]): Promise<void> {
  const { config, output } = session;
  await using host = await openHost(session);
  // All are looked up before the first is removed, so that a typing mistake removes nothing.
  const wanted: Wanted[] = [];
  for (const text of images) wanted.push(...(await find(text, host, config)));
  const removed: string[] = [];
  for (const { location, reference } of wanted) {
    for (const gone of await host.images.remove(location, reference)) {
      removed.push(
        shortName({ ...location, ...(isDigest(gone) ? { digest: gone } : { tag: gone }) }, config),
      );
    }
  }
  const deleted = await host.collectGarbage();
  output.result({ removed, deleted }, () => removed);
  output.story(...stillRunning(host, wanted));
  output.story(
    `removed ${countOf(removed.length, 'reference')} and ${countOf(deleted.length, 'piece')} of content`,
  );
}

/** What was asked for, and the image that it meant. */
type Wanted = {
  readonly location: RepositoryLocation;
  readonly reference: Tag | Digest;
  readonly digest: Digest;
};

function stillRunning(host: Host, wanted: readonly Wanted[]): readonly string[] {
  const removed = new Set(wanted.map(({ digest }) => digest));
  const running = host.state.list().filter(({ digest }) => removed.has(digest));
  return running.map(
    ({ id }) => `container ${id} runs on, and keeps its content until img rm is used after its end`,
  );
}

async function find(text: string, host: Host, config: Config): Promise<readonly Wanted[]> {
  const byDigest = await findByDigest(text, host);
  if (byDigest.length > 0) {
    return byDigest.map(({ location, descriptor: { digest } }) => ({ location, reference: digest, digest }));
  }
  const typed = typedRepository(text, config);
  const { location, descriptor, tags } = await findTaggedImage(host.images, typed, config);
  const { digest } = descriptor;
  const references = tags.length === 0 ? [digest] : tags;
  return references.map((reference) => ({ location, reference, digest }));
}

// Hex alone can be the name of a repository, too; a digest has its algorithm before it.
async function findByDigest(text: string, host: Host): Promise<readonly StoredImage[]> {
  return /^sha(?:256|512):/.test(text) ? await host.images.findByDigest(text) : [];
}
