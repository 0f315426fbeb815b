import type { StoredImage } from '@img/registry/images/image-store';
import type { Command } from 'commander';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { openHost } from '../host/open-host.ts';
import { shortDigest, shortName } from '../host/short-name.ts';
import { type ImageSummary, summarizeImage } from '../host/summarize-image.ts';
import { typedRepository } from '../host/typed-reference.ts';
import { formatAge, formatBytes } from '../output/measure.ts';
import { tableLines } from '../output/table.ts';
import { bold, dim } from '../output/text.ts';

export function configure(command: Command, context: CommandContext): void {
  command.argument('[name]', 'only images with this name');
  addExamples(command, 'img images', 'img images com.example.app --json');
  onRun(command, context, async (session, _: object, name: string | undefined) => listImages(session, name));
}

type Listed = StoredImage & ImageSummary;

async function listImages(session: Session, name: string | undefined): Promise<void> {
  const { config, output } = session;
  await using host = await openHost(session);
  const wanted = name === undefined ? undefined : typedRepository(name, config);
  const images = (await host.images.list()).filter(({ location, tag, descriptor }) => {
    if (wanted === undefined) return true;
    const { registry, repository } = wanted.location;
    const { reference } = wanted;
    const isNamed = location.registry === registry && location.repository === repository;
    return (
      isNamed && (reference === undefined || reference.tag === tag || reference.digest === descriptor.digest)
    );
  });
  const listed: Listed[] = [];
  for (const image of images) listed.push({ ...image, ...(await summarizeImage(host.images, image)) });
  if (listed.length === 0)
    output.story('no images; make one with img build, or fetch one with img pull NAME');
  const now = new Date();
  output.result(
    listed.map((image) => ({
      name: shortName({ ...image.location }, config),
      registry: image.location.registry,
      repository: image.location.repository,
      tag: image.tag ?? null,
      digest: image.descriptor.digest,
      mediaType: image.descriptor.mediaType,
      platforms: image.platforms,
      sizeBytes: image.sizeBytes ?? null,
      storedAt: image.storedAt.toISOString(),
    })),
    () =>
      tableLines(
        [
          { title: 'name' },
          { title: 'tag' },
          { title: 'digest' },
          { title: 'size', align: 'right' },
          { title: 'stored' },
        ],
        listed.map((image) => [
          bold(shortName({ ...image.location }, config)),
          image.tag ?? dim('none'),
          shortDigest(image.descriptor.digest),
          image.sizeBytes === undefined ? dim('damaged') : formatBytes(image.sizeBytes),
          formatAge(image.storedAt, now),
        ]),
      ),
  );
}
