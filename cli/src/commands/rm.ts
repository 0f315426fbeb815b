import type { StoredImage } from '@img/registry/images/image-store';
import type { RepositoryLocation } from '@img/registry/transfer/content';
import { removeContainer } from '@img/runtime/containers/remove-container';
import type { Host } from '@img/runtime/host';
import { RuntimeError } from '@img/runtime/runtime-error';
import { type Container, isEnded } from '@img/runtime/state/container';
import { type Digest, isDigest } from '@img/spec/digest';
import { quote } from '@img/spec/quote';
import type { Tag } from '@img/spec/tag';
import type { Command } from 'commander';
import { CliError } from '../cli-error.ts';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import type { Config } from '../config/config.ts';
import { findContainerIfAny } from '../host/find-container-if-any.ts';
import { inUserNamespace } from '../host/in-user-namespace.ts';
import { openHost } from '../host/open-host.ts';
import { shortName } from '../host/short-name.ts';
import { findTaggedImage } from '../host/tagged-image.ts';
import { typedRepository } from '../host/typed-reference.ts';
import { countOf } from '../output/measure.ts';

type CommandLine = { readonly force?: boolean };

export function configure(command: Command, context: CommandContext): void {
  command
    .argument(
      '<name...>',
      'a container by name or id; an image by a name with a tag, a name for all tags of its newest image, or a digest',
    )
    .option('-f, --force', 'stop containers that run');
  addExamples(command, 'img rm web', 'img rm com.example.app:1.0.0', 'img rm sha256:3f2a91c0');
  onRun(command, context, async (session, line: CommandLine, names: readonly string[]) =>
    remove(session, line, names),
  );
}

async function remove(session: Session, line: CommandLine, names: readonly string[]): Promise<void> {
  const { config, output, signal } = session;
  await inUserNamespace(session, { isJudging: false });
  await using host = await openHost(session);
  // All are looked up before the first is removed, so that a typing mistake removes nothing.
  const wanted: Wanted[] = [];
  for (const name of names) wanted.push(...(await find(name, host, config)));
  const containers = wanted.flatMap((found) => ('container' in found ? [found.container] : []));
  const images = wanted.flatMap((found) => ('location' in found ? [found] : []));
  const isForced = line.force === true;
  if (!isForced) checkEnded(containers);
  await Promise.all(
    containers.map((container) => removeContainer(host.state, container, { isForced, signal })),
  );
  const removed: string[] = [];
  for (const { location, reference } of images) {
    for (const gone of await host.images.remove(location, reference)) {
      removed.push(
        shortName({ ...location, ...(isDigest(gone) ? { digest: gone } : { tag: gone }) }, config),
      );
    }
  }
  const deleted = images.length === 0 ? [] : await host.collectGarbage();
  const ended = containers.map(({ id, name }): string => name ?? id);
  output.result({ containers: ended, removed, deleted }, () => [...ended, ...removed]);
  if (images.length > 0) output.story(...stillRunning(host, images), removalStory(removed, deleted));
}

/** A reference that was asked for, and the image that it meant. */
type WantedImage = {
  readonly location: RepositoryLocation;
  readonly reference: Tag | Digest;
  readonly digest: Digest;
};

type Wanted = WantedImage | { readonly container: Container };

// Before anything is removed, also when the first of several could be.
function checkEnded(containers: readonly Container[]): void {
  const running = containers.filter((container) => !isEnded(container));
  if (running.length === 0) return;
  const names = running.map(({ id, name }) => name ?? id).join(' ');
  throw new RuntimeError(
    'CONTAINER_RUNNING',
    `${countOf(running.length, 'container')} still running: ${names}`,
    {
      hint: `stop first with img stop ${names}, or remove with --force`,
    },
  );
}

function removalStory(removed: readonly string[], deleted: readonly Digest[]): string {
  return `removed ${countOf(removed.length, 'reference')} and ${countOf(deleted.length, 'piece')} of content`;
}

function stillRunning(host: Host, wanted: readonly WantedImage[]): readonly string[] {
  const removed = new Set(wanted.map(({ digest }) => digest));
  const running = host.state.list().filter(({ digest }) => removed.has(digest));
  return running.map(
    ({ id }) => `container ${id} runs on, and keeps its content until img gc is used after its end`,
  );
}

async function find(text: string, host: Host, config: Config): Promise<readonly Wanted[]> {
  const container = findContainerIfAny(host.state, text);
  if (container === undefined) return await findImages(text, host, config);
  const images = await findImages(text, host, config).catch(() => []);
  if (images.length === 0) return [{ container }];
  throw new CliError('USAGE', `${quote(text)} is a container and an image`, {
    hint: `img rm ${container.id} removes the container; write the image with its tag to remove that`,
  });
}

async function findImages(text: string, host: Host, config: Config): Promise<readonly WantedImage[]> {
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
