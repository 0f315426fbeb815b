import { detailedHostPlatform } from '@img/runtime/launch/host-platform';
import { descriptorJson } from '@img/spec/manifest';
import { formatPlatform, parsePlatform } from '@img/spec/platform';
import type { Command } from 'commander';
import { parseArgument } from '../argument.ts';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { decisionDocument } from '../host/decision-lines.ts';
import { describeImage, type ImageDescription } from '../host/describe-image.ts';
import { descriptionLines } from '../host/description-lines.ts';
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
};

export function configure(command: Command, context: CommandContext): void {
  command
    .argument('<image>', 'an image of this host, or of its registry if this host has none')
    .option('--remote', "look at the registry's copy")
    .option('--platform <platform>', 'which image of an index; by default that for this host')
    .option('--layers', 'show which packages each layer holds')
    .option('--raw', 'print the manifest, byte for byte');
  addExamples(command, 'img inspect com.example.app', 'img inspect --raw com.example.app | sha256sum');
  onRun(command, context, inspect);
}

async function inspect(session: Session, options: InspectOptions, text: string): Promise<void> {
  const { config, output, signal } = session;
  const reference = typedReference(text, config);
  const platform =
    options.platform === undefined ? detailedHostPlatform() : parseArgument(parsePlatform, options.platform);
  await using host = await openHost(session);
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
