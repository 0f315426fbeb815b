import { type BuiltFolder, buildFolder } from '@img/builder/build-folder';
import type { BuiltImage } from '@img/builder/build-image';
import { rememberRecords } from '@img/builder/kept/attach-records';
import { LayerCache } from '@img/builder/layers/layer-cache';
import { formatPlatform } from '@img/spec/platform';
import { type Command, Option } from 'commander';
import { buildOnChange } from '../build/build-on-change.ts';
import { buildOptions } from '../build/build-options.ts';
import type { BuildPush } from '../build/build-push.ts';
import { type CheckoutAnnotations, findCheckout } from '../build/find-checkout.ts';
import { rememberProvenance } from '../build/remember-provenance.ts';
import { CliError } from '../cli-error.ts';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import type { BuildOutput } from '../copy/build-output.ts';
import { outputHelp } from '../copy/output-help.ts';
import type { PushedImage } from '../copy/push-image.ts';
import { pushStory } from '../copy/push-story.ts';
import { openHost } from '../host/open-host.ts';
import { shortName } from '../host/short-name.ts';
import { addPassphraseOption, type PassphraseOptions } from '../keys/passphrase-option.ts';
import { countOf, formatBytes, formatDuration } from '../output/measure.ts';
import { bold } from '../output/text.ts';

type BuildOptions = PassphraseOptions & {
  readonly locked?: boolean;
  readonly update?: boolean;
  readonly compress: 'zstd' | 'gzip';
  readonly platform?: readonly string[];
  /** False for `--no-cache`. */
  readonly usesCache?: boolean;
  readonly output?: string;
  readonly git?: boolean;
  readonly watch?: boolean;
  readonly push?: boolean;
  readonly sign?: string;
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
    .option('--push', 'push the image to its registry, too; layers that it has already need not come here')
    .option('--sign <key>', 'with --push: sign its tags, what is in it and how it was built')
    .addHelpText('after', outputHelp);
  addPassphraseOption(command);
  addExamples(
    command,
    'img build .',
    'img build examples/web --locked',
    'img build target/app.jar',
    'img build . --output oci-archive:app.tar',
    'img build /usr/bin/curl',
    'img build --watch',
    'img build --push --sign alice',
  );
  onRun<BuildOptions, [string]>(command, context, async (session, options, path) => {
    checkPush(options);
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
  await using resources = new AsyncDisposableStack();
  const host = resources.use(await openHost(session));
  const place = options.output === undefined ? undefined : await openPlace(options.output, session);
  resources.use(place);
  const push = options.push === true ? resources.use(await openPush(session)) : undefined;
  let checkout: Promise<CheckoutAnnotations> = Promise.resolve({});
  const built = await buildFolder(path, {
    ...buildOptions(session, host, options),
    compression: options.compress,
    isLocked: options.locked === true,
    isFresh: options.usesCache === false,
    updates: options.update === true ? 'all' : undefined,
    ...(push === undefined ? {} : { openKept: () => push.openKept(), leavesLayers: canLeaveLayers(options) }),
    annotationsFor: async (folder) => {
      checkout = findCheckout(folder);
      if (options.git !== true) return {};
      const { gitAnnotations } = await import('@img/builder/output/git-annotations');
      return await gitAnnotations(folder);
    },
    targetFor: (recipe) => {
      const location = { registry: config.registries.default, repository: recipe.name };
      push?.begin(location, recipe.version);
      return place?.target ?? host.images.repository(location);
    },
  });
  await place?.finish(built.image);
  if (place === undefined) {
    await rememberProvenance(config.cacheFolder, built, { startedAt: startedOn, checkout: await checkout });
    await rememberRecords(new LayerCache(config.cacheFolder), built.image);
  }
  const builtMs = performance.now() - startedAt;
  const pushed = await push?.finish(host, built.image, options);
  report(session, built, {
    output: options.output,
    ms: builtMs,
    pushed,
    pushMs: performance.now() - startedAt - builtMs,
  });
}

/** @throws CliError USAGE */
function checkPush({ push, sign, output }: BuildOptions): void {
  if (push === true && output !== undefined) {
    throw new CliError('USAGE', '--push and --output go to different places', {
      hint: 'leave one of them away; img copy takes an image from a file to a registry',
    });
  }
  if (sign !== undefined && push !== true) {
    throw new CliError('USAGE', '--sign goes with --push', {
      hint: 'add --push, or sign what was built with img sign --key KEY NAME',
    });
  }
}

/** Whether nothing of the layers that the registry has is read here: they are locked as zstd has compressed them. */
function canLeaveLayers({ sign, compress }: BuildOptions): boolean {
  return sign === undefined && compress === 'zstd';
}

/** Loaded for those only who want it. */
async function openPlace(text: string, session: Session): Promise<BuildOutput> {
  const { openOutput } = await import('../copy/build-output.ts');
  return await openOutput(text, session);
}

/** Loaded for those only who push. */
async function openPush(session: Session): Promise<BuildPush> {
  const { BuildPush } = await import('../build/build-push.ts');
  return new BuildPush(session);
}

type Outcome = {
  readonly output: string | undefined;
  readonly ms: number;
  readonly pushed: PushedImage | undefined;
  readonly pushMs: number;
};

function report(
  { config, output }: Session,
  { image, lockFile, isLockChanged, guessed }: BuiltFolder,
  { output: place, ms, pushed, pushMs }: Outcome,
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
    ...(pushed === undefined ? {} : { copiedBlobs: pushed.copiedBlobs, presentBlobs: pushed.presentBlobs }),
  };
  output.result(document, () => references.map((reference) => [bold(reference), `  ${document.digest}`]));
  const layers = document.layers.map((count) => countOf(count, 'layer')).join(', ');
  output.story(`${layers}, ${formatBytes(sizeBytes)}, built in ${formatDuration(ms)}`);
  if (pushed !== undefined) output.story(pushStory(pushed, pushMs));
  const { leftLayers } = image;
  if (leftLayers.length > 0) {
    const leftBytes = leftLayers.reduce((sum, layer) => sum + layer.sizeBytes, 0);
    output.story(
      `${countOf(leftLayers.length, 'layer')}, ${formatBytes(leftBytes)}, stayed in the registry; img run fetches what it needs`,
    );
  }
  if (guessed !== undefined)
    output.story('save the lines above as img.yaml to change them, and to lock what was chosen');
  if (isLockChanged) output.story(`what was chosen is in ${lockFile}; keep it in version control`);
}

function sizeOf({ images }: BuiltImage): number {
  return images
    .flatMap(({ layers, config }) => [...layers.map((layer) => layer.sizeBytes), config.descriptor.size])
    .reduce((sum, size) => sum + size, 0);
}
