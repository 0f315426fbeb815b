import { type BuiltFolder, buildFolder } from '@img/builder/build-folder';
import { gitAnnotations } from '@img/builder/output/git-annotations';
import { RegistryError } from '@img/registry/registry-error';
import type { ManifestContent } from '@img/registry/transfer/content';
import type { Host } from '@img/runtime/host';
import { parseManifest } from '@img/spec/manifest';
import type { Reference } from '@img/spec/reference';
import { type Command, Option } from 'commander';
import { buildOptions } from '../build/build-options.ts';
import { CliError } from '../cli-error.ts';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { locateImage } from '../host/locate-image.ts';
import { openHost } from '../host/open-host.ts';
import { RemoteRepository } from '../host/remote-repository.ts';
import { shortName } from '../host/short-name.ts';
import { countOf } from '../output/measure.ts';
import { bold } from '../output/text.ts';

type RebuildOptions = {
  readonly check?: boolean;
  readonly compress: 'zstd' | 'gzip';
  readonly git?: boolean;
  readonly platform?: readonly string[];
};

export function configure(command: Command, context: CommandContext): void {
  command
    .argument('[path]', 'a folder with an img.yaml and its img.lock, or the file', '.')
    .option('--check', 'store nothing, and say whether it is the image of this host or of its registry')
    .addOption(
      new Option('--compress <how>', 'how the image was compressed')
        .choices(['zstd', 'gzip'])
        .default('zstd'),
    )
    .option('--git', 'the image was built with --git')
    .option('--platform <platform...>', 'instead of what img.yaml says, such as linux/arm64');
  addExamples(command, 'img rebuild --check', 'img rebuild examples/web');
  onRun(command, context, rebuild);
}

async function rebuild(session: Session, options: RebuildOptions, path: string): Promise<void> {
  const { registries } = session.config;
  await using host = await openHost(session);
  const isChecking = options.check === true;
  const built = await buildFolder(path, {
    ...buildOptions(session, host, options),
    compression: options.compress,
    isLocked: true,
    isFresh: true,
    ...(options.git === true ? { annotationsFor: gitAnnotations } : {}),
    targetFor: ({ name }) =>
      isChecking ? undefined : host.images.repository({ registry: registries.default, repository: name }),
  });
  const { name, tags } = built.image;
  const reference: Reference = {
    registry: registries.default,
    repository: name,
    tag: tags[0],
    digest: undefined,
  };
  const found = isChecking ? await find(session, host, reference) : undefined;
  if (found !== undefined) checkSame(built, found, shortName(reference, session.config));
  show(session, built, { reference, isChecking, isSame: found === undefined ? null : true });
  if (isChecking && found === undefined) {
    session.output.story(`there is no ${shortName(reference, session.config)} to compare it with`);
  }
}

/** The image of this host, or of its registry if this host has none. */
async function find(
  session: Session,
  host: Host,
  reference: Reference,
): Promise<ManifestContent | undefined> {
  await using remote = new RemoteRepository(session, reference);
  const places = [host.images.repository(reference), remote];
  try {
    return (await locateImage(reference, places, { signal: session.signal })).content;
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    session.output.detail(error.message);
    return undefined;
  }
}

function checkSame({ image }: BuiltFolder, { descriptor, bytes }: ManifestContent, name: string): void {
  if (image.descriptor.digest === descriptor.digest) return;
  const manifest = parseManifest(bytes, descriptor.mediaType);
  const text = `${name} is ${descriptor.digest}, but what it is made of gives ${image.descriptor.digest}`;
  const hint = 'give --compress and --git as they were given to img build, and the same SOURCE_DATE_EPOCH';
  if (manifest.kind === 'index') throw new CliError('IMAGE_DIFFERS', text, { hint });
  const made = new Set(image.images.flatMap(({ layers }) => layers.map(({ digest }) => digest)));
  const others = manifest.layers.filter(({ digest }) => !made.has(digest)).length;
  const where =
    others === 0
      ? 'its layers are the same'
      : `${countOf(others, 'layer')} of ${manifest.layers.length} differ`;
  throw new CliError('IMAGE_DIFFERS', `${text}; ${where}`, { hint });
}

function show(
  { config, output }: Session,
  { image, lockFile }: BuiltFolder,
  {
    reference,
    isChecking,
    isSame,
  }: { readonly reference: Reference; readonly isChecking: boolean; readonly isSame: true | null },
): void {
  const { digest } = image.descriptor;
  const name = shortName(reference, config);
  output.result({ reference: name, digest, isSame, lock: lockFile ?? null }, () => [
    [bold(name), `  ${digest}`],
  ]);
  const layers = countOf(image.images.flatMap((each) => each.layers).length, 'layer');
  const lock = lockFile === undefined ? '' : ` and as ${lockFile} has them`;
  if (isSame === true) output.story(`made again, all ${layers} are the same${lock}`);
  else if (isChecking) output.story(`${layers} made again${lock}`);
  else output.story(`${layers} made again${lock}, and stored`);
}
