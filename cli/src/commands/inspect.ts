import type { Host } from '@img/runtime/host';
import { detailedHostPlatform } from '@img/runtime/launch/host-platform';
import type { Container } from '@img/runtime/state/container';
import { descriptorJson } from '@img/spec/manifest';
import { formatPlatform, parsePlatform } from '@img/spec/platform';
import { quote } from '@img/spec/quote';
import type { Command } from 'commander';
import { parseArgument } from '../argument.ts';
import { CliError } from '../cli-error.ts';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { decisionDocument } from '../host/decision-lines.ts';
import { describeImage, type ImageDescription } from '../host/describe-image.ts';
import { descriptionLines } from '../host/description-lines.ts';
import { findContainerIfAny } from '../host/find-container-if-any.ts';
import { inspectContainer } from '../host/inspect-container.ts';
import { inspectLayers } from '../host/inspect-layers.ts';
import { judgeImage } from '../host/judge-image.ts';
import { locateImage } from '../host/locate-image.ts';
import { openHost } from '../host/open-host.ts';
import { RemoteRepository } from '../host/remote-repository.ts';
import { shortName } from '../host/short-name.ts';
import { typedReference } from '../host/typed-reference.ts';

type InspectOptions = {
  readonly remote?: boolean;
  readonly raw?: boolean;
  readonly layers?: boolean;
  readonly platform?: string;
  readonly env?: boolean;
  readonly health?: boolean;
};

export function configure(command: Command, context: CommandContext): void {
  command
    .argument(
      '<name>',
      'a container by name or id; or an image of this host, or of its registry if this host has none',
    )
    .option('--env', 'of a container: show the values of variables, too')
    .option('--health', 'of a container with a health check: ask it now')
    .option('--remote', "look at the registry's copy")
    .option('--platform <platform>', 'which image of an index; by default that for this host')
    .option('--layers', 'show which packages each layer holds')
    .option('--raw', 'print the manifest, byte for byte');
  command.addHelpText(
    'after',
    '\nIf a name means a container and an image, it is the container; write the image with its tag. The options but\n' +
      '--env and --health are for images.',
  );
  addExamples(
    command,
    'img inspect com.example.app',
    'img inspect --json web',
    'img inspect --raw com.example.app | sha256sum',
  );
  onRun(command, context, inspect);
}

async function inspect(session: Session, options: InspectOptions, text: string): Promise<void> {
  const { config, output, signal } = session;
  await using host = await openHost(session);
  const container = await meantContainer(session, host, options, text);
  if (container !== undefined) {
    const { env, health } = options;
    return await inspectContainer(session, host, container, {
      withValues: env === true,
      asksHealth: health === true,
    });
  }
  const reference = typedReference(text, config);
  const platform =
    options.platform === undefined ? detailedHostPlatform() : parseArgument(parsePlatform, options.platform);
  if (options.layers === true) return await inspectLayers(session, host, text, options.platform);
  await using remote = new RemoteRepository(session, reference);
  const places = options.remote === true ? [remote] : [host.images.repository(reference), remote];
  const located = await locateImage(reference, places, { signal });
  if (options.raw === true) return output.raw(new TextDecoder().decode(located.content.bytes));
  const description = await describeImage(located.content, located.place, platform, { signal });
  const { decision } = await judgeImage(reference, located, host, { signal });
  const name = shortName(reference, config);
  const foundIn = located.place.name;
  const trust = decisionDocument(decision, name, description.descriptor.digest);
  output.result({ reference: name, foundIn, ...imageDocument(description), trust }, () => {
    return descriptionLines(description, { name, foundIn, decision });
  });
}

/** A name or a whole id means its container; the beginning of an id only if no image of this host has that name. */
async function meantContainer(
  { config }: Session,
  host: Host,
  { env, health, remote, raw, layers, platform }: InspectOptions,
  text: string,
): Promise<Container | undefined> {
  const isForImage = remote === true || raw === true || layers === true || platform !== undefined;
  const container = isForImage ? undefined : findContainerIfAny(host.state, text);
  if (container === undefined) {
    if (env !== true && health !== true) return undefined;
    throw new CliError(
      'USAGE',
      `--${env === true ? 'env' : 'health'} is for containers, and there is none ${quote(text)}`,
      {
        hint: 'img ps --all lists them',
      },
    );
  }
  if (text === container.name || text === container.id) return container;
  const reference = typedReference(text, config);
  const { digest, tag } = reference;
  const wanted = digest ?? tag;
  const isImage =
    wanted !== undefined && (await host.images.repository(reference).getManifest(wanted)) !== undefined;
  return isImage ? undefined : container;
}

function imageDocument({ descriptor, manifest, platforms, image, referrers }: ImageDescription) {
  return {
    ...descriptorJson(descriptor),
    kind: manifest.kind,
    annotations: manifest.annotations,
    platforms: platforms.map(({ platform, digest }) => ({ platform: formatPlatform(platform), digest })),
    image:
      image === undefined
        ? null
        : {
            digest: image.digest,
            config: image.config ?? null,
            layers: image.manifest.layers.map(descriptorJson),
          },
    referrers: referrers.map(descriptorJson),
  };
}
