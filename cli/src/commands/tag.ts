import { copy } from '@img/registry/transfer/copy';
import { latestTag } from '@img/spec/tag';
import type { Command } from 'commander';
import { CliError } from '../cli-error.ts';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { localTarget } from '../host/local-target.ts';
import { openHost } from '../host/open-host.ts';
import { shortName } from '../host/short-name.ts';
import { findTaggedImage } from '../host/tagged-image.ts';
import { typedReference, typedRepository } from '../host/typed-reference.ts';
import { bold } from '../output/text.ts';
import { configureHistory, configureRestore } from './tag-history.ts';
import { configureAdd, configureList, configureRemove } from './tag-list.ts';

export function configure(command: Command, context: CommandContext): void {
  command
    .description('give an image of this host another name')
    .argument('<image>', 'an image of this host')
    .argument('<name>', 'another name or tag for it');
  addExamples(
    command,
    'img tag com.example.app:1.0.0 com.example.app:stable',
    'img tag com.example.app registry.example.com/app:1',
  );
  onRun(command, context, async (session, _: object, image: string, name: string) =>
    tag(session, image, name),
  );
  configureList(command.command('list'), context);
  configureAdd(command.command('add'), context);
  configureRemove(command.command('remove'), context);
  configureHistory(command.command('history'), context);
  configureRestore(command.command('restore'), context);
}

async function tag(session: Session, image: string, name: string): Promise<void> {
  const { config, output, signal } = session;
  const target = typedReference(name, config);
  if (target.digest !== undefined) {
    throw new CliError('USAGE', 'a digest is not given, it follows from the content', {
      hint: 'name a tag instead',
    });
  }
  await using host = await openHost(session);
  const { location, descriptor } = await findTaggedImage(host.images, typedRepository(image, config), config);
  // Signatures come along; they state the old name, so whoever demands them for the new one has to sign again.
  await copy({
    source: host.images.repository(location),
    target: localTarget(target, host),
    reference: descriptor.digest,
    tags: [target.tag ?? latestTag],
    signal,
  });
  const reference = shortName(target, config);
  output.result({ reference, digest: descriptor.digest }, () => [
    [bold(reference), `  ${descriptor.digest}`],
  ]);
}
