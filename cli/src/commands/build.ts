import { type BuiltFolder, buildFolder } from '@img/builder/build-folder';
import type { BuiltImage } from '@img/builder/build-image';
import { gitAnnotations } from '@img/builder/output/git-annotations';
import { formatPlatform } from '@img/spec/platform';
import { type Command, Option } from 'commander';
import { buildOnChange } from '../build/build-on-change.ts';
import { buildOptions } from '../build/build-options.ts';
import { rememberProvenance } from '../build/remember-provenance.ts';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { openOutput, outputHelp } from '../copy/build-output.ts';
import { openHost } from '../host/open-host.ts';
import { shortName } from '../host/short-name.ts';
import { countOf, formatBytes, formatDuration } from '../output/measure.ts';
import { bold } from '../output/text.ts';

type BuildOptions = {
  readonly locked?: boolean;
  readonly update?: boolean;
  readonly compress: 'zstd' | 'gzip';
  readonly platform?: readonly string[];
  /** False for `--no-cache`. */
  readonly usesCache?: boolean;
  readonly output?: string;
  readonly git?: boolean;
  readonly watch?: boolean;
};

export function configure(command: Command, context: CommandContext): void {
  command
    .argument('[path]', 'a folder, an img.yaml, or an app without one: a jar, a script, a program', '.')
    .option('--locked', 'fail instead of building what img.lock does not say')
    .option('--update', 'choose the newest packages instead of those in img.lock')
    .addOption(
      new Option('--compress <how>', 'gzip is for old clients').choices(['zstd', 'gzip']).default('zstd'),
    )
    .option('--platform <platform...>', 'instead of what img.yaml says, such as linux/arm64')
    .addOption(noCache())
    .option('--output <place>', "where the image goes instead of this host's images")
    .option('--git', "annotate the image with the folder's commit and where that is from")
    .option('--watch', 'build again whenever something changes, until you press Ctrl-C')
    .addHelpText('after', outputHelp);
  addExamples(
    command,
    'img build .',
    'img build examples/web --locked',
    'img build target/app.jar',
    'img build . --output oci-archive:app.tar',
    'img build /usr/bin/curl',
    'img build --watch',
  );
  onRun<BuildOptions, [string]>(command, context, async (session, options, path) => {
    const once = () => build(session, options, path);
    await (options.watch === true ? buildOnChange(session, path, once) : once());
  });
}

function noCache(): Option {
  const option = new Option('--no-cache', 'make every layer again; what was downloaded is used again');
  // By its name it would switch off --cache, which says where the cache is.
  option.attributeName = () => 'usesCache';
  return option;
}

async function build(session: Session, options: BuildOptions, path: string): Promise<void> {
  const { config } = session;
  const startedAt = performance.now();
  const startedOn = new Date();
  await using host = await openHost(session);
  await using place = options.output === undefined ? undefined : await openOutput(options.output, session);
  const built = await buildFolder(path, {
    ...buildOptions(session, host, options),
    compression: options.compress,
    isLocked: options.locked === true,
    isFresh: options.usesCache === false,
    updates: options.update === true ? 'all' : undefined,
    ...(options.git === true ? { annotationsFor: gitAnnotations } : {}),
    targetFor: ({ name }) =>
      place?.target ?? host.images.repository({ registry: config.registries.default, repository: name }),
  });
  await place?.finish(built.image);
  if (place === undefined) await rememberProvenance(config.cacheFolder, built, startedOn);
  report(session, built, { output: options.output, ms: performance.now() - startedAt });
}

function report(
  { config, output }: Session,
  { image, lockFile, isLockChanged, guessed }: BuiltFolder,
  { output: place, ms }: { readonly output: string | undefined; readonly ms: number },
): void {
  const names = image.tags.map((tag) => {
    return shortName({ registry: config.registries.default, repository: image.name, tag }, config);
  });
  const references = place === undefined ? names : [place];
  const sizeBytes = sizeOf(image);
  const document = {
    references,
    digest: image.descriptor.digest,
    mediaType: image.descriptor.mediaType,
    platforms: image.images.map(({ platform }) => formatPlatform(platform)),
    layers: image.images.map(({ layers }) => layers.length),
    sizeBytes,
    lock: lockFile ?? null,
    recipe: guessed ?? null,
  };
  output.result(document, () => references.map((reference) => [bold(reference), `  ${document.digest}`]));
  const layers = document.layers.map((count) => countOf(count, 'layer')).join(', ');
  output.story(`${layers}, ${formatBytes(sizeBytes)}, built in ${formatDuration(ms)}`);
  if (guessed !== undefined)
    output.story('save the lines above as img.yaml to change them, and to lock what was chosen');
  if (isLockChanged) output.story(`what was chosen is in ${lockFile}; keep it in version control`);
}

function sizeOf({ images }: BuiltImage): number {
  return images
    .flatMap(({ layers, config }) => [...layers.map((layer) => layer.sizeBytes), config.descriptor.size])
    .reduce((sum, size) => sum + size, 0);
}
