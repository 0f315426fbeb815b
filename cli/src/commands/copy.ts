import { copy } from '@img/registry/transfer/copy';
import { parsePlatform } from '@img/spec/platform';
import type { Command } from 'commander';
import { parseArgument } from '../argument.ts';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { openSource } from '../copy/open-source.ts';
import { openTarget } from '../copy/open-target.ts';
import { placeHelp, typedPlace } from '../copy/typed-place.ts';
import { openHost } from '../host/open-host.ts';
import { countOf, formatDuration } from '../output/measure.ts';
import { bold } from '../output/text.ts';

type CopyOptions = {
  readonly platform?: string;
  /** False for `--no-signatures`, else absent. */
  readonly signatures?: boolean;
};

export function configure(command: Command, context: CommandContext): void {
  command
    .argument('<from>', 'the place of an image')
    .argument('<to>', 'another place; its tag is that of the first if it has none')
    .option('--platform <platform>', 'only this image of an index')
    .option('--no-signatures', 'leave signatures and everything else that is attached behind')
    .addHelpText('after', placeHelp);
  addExamples(
    command,
    'img copy work/com.example.app:1.0.0 quay-local/com.example.app:1.0.0',
    'img copy com.example.app:1.0.0 oci-archive:app.tar',
    'img copy docker-archive:saved.tar host:com.example.app:1.0.0',
  );
  onRun(command, context, copyImage);
}

async function copyImage(session: Session, options: CopyOptions, from: string, to: string): Promise<void> {
  const { config, output, signal } = session;
  const startedAt = performance.now();
  const [fromPlace, toPlace] = [typedPlace(from, config), typedPlace(to, config)];
  await using host = await openHost(session);
  await using opened = await openSource(session, fromPlace, host);
  await using target = await openTarget(session, toPlace, host);
  const tag = target.tag ?? opened.tag;
  const { descriptor, copiedBlobs, presentBlobs } = await copy({
    source: opened.source,
    target: target.target,
    reference: opened.reference,
    tags: tag === undefined ? [] : [tag],
    ...(options.platform === undefined ? {} : { platform: parseArgument(parsePlatform, options.platform) }),
    attachments: options.signatures !== false,
    progress: output.progress,
    signal,
  });
  await target.commit();
  output.result({ from, to, tag: tag ?? null, digest: descriptor.digest, copiedBlobs, presentBlobs }, () => [
    [bold(to), `  ${descriptor.digest}`],
  ]);
  const took = formatDuration(performance.now() - startedAt);
  output.story(`${countOf(copiedBlobs, 'blob')} copied, ${presentBlobs} were there already, in ${took}`);
}
