import type { Decision } from '@img/sign/decision';
import type { Descriptor } from '@img/spec/descriptor';
import type { ExecutionConfig, ImageConfig } from '@img/spec/image-config';
import { formatPlatform } from '@img/spec/platform';
import { fact, facts } from '../output/facts.ts';
import { countOf, formatBytes } from '../output/measure.ts';
import { bold, type Line } from '../output/text.ts';
import { decisionLines } from './decision-lines.ts';
import type { ImageDescription, SingleImage } from './describe-image.ts';
import { shortDigest } from './short-name.ts';

// A shell script of a Dockerfile may fill pages.
const longestStep = 80;

export type DescriptionContext = {
  readonly name: string;
  /** Where the image was found. */
  readonly foundIn: string;
  readonly decision: Decision;
};

/** What people are told about an image: one fact a line. */
export function descriptionLines(
  { descriptor, manifest, platforms, image, referrers }: ImageDescription,
  { name, foundIn, decision }: DescriptionContext,
): readonly Line[] {
  const [trust = ''] = decisionLines(decision, name, new Date());
  return [
    fact('name', bold(name)),
    fact('found in', foundIn),
    fact('digest', descriptor.digest),
    fact('type', descriptor.mediaType),
    ...facts('artifact', manifest.artifactType === undefined ? [] : [manifest.artifactType]),
    ...facts(
      'platform',
      platforms.map(({ platform, digest }) => `${formatPlatform(platform)}  ${digest}`),
    ),
    fact('trust', trust),
    ...(image === undefined ? [] : imageLines(image)),
    ...facts('annotation', pairs(manifest.annotations)),
    ...facts(
      'attached',
      referrers.map((referrer) => `${referrer.digest}  ${referrer.artifactType ?? ''}`),
    ),
  ];
}

function imageLines({ manifest, config }: SingleImage): readonly Line[] {
  const { layers } = manifest;
  if (config === undefined)
    return facts(
      'content',
      layers.map(({ digest, size }) => `${digest}  ${formatBytes(size)}`),
    );
  return [
    fact('built for', formatPlatform(config.platform)),
    ...facts('created', config.created === undefined ? [] : [config.created]),
    ...executionLines(config.config),
    fact('size', sizeOf(layers)),
    ...facts('layer', layerLines(layers, config)),
  ];
}

function sizeOf(layers: readonly Descriptor[]): string {
  const bytes = layers.reduce((sum, { size }) => sum + size, 0);
  return `${formatBytes(bytes)} compressed, in ${countOf(layers.length, 'layer')}`;
}

/** Digest, size, and what made the layer, as far as the history has one entry for each. */
function layerLines(layers: readonly Descriptor[], { history }: ImageConfig): readonly Line[] {
  const steps = history.filter(({ emptyLayer }) => !emptyLayer);
  return layers.map(({ digest, size }, index) => {
    const madeBy = steps.length === layers.length ? (steps[index]?.createdBy ?? '') : '';
    const step = madeBy.replace(/^img: /, '').slice(0, longestStep);
    return [shortDigest(digest), formatBytes(size).padStart(10), ...(step === '' ? [] : [`  ${step}`])];
  });
}

function executionLines(config: ExecutionConfig): readonly Line[] {
  const command = [...config.entrypoint, ...config.cmd];
  const optional = (text: string | undefined) => (text === undefined || text === '' ? [] : [text]);
  return [
    ...facts('command', command.length === 0 ? [] : [JSON.stringify(command)]),
    ...facts('user', optional(config.user)),
    ...facts('folder', optional(config.workingDir)),
    ...facts('variable', config.env),
    ...facts('port', config.exposedPorts),
    ...facts('volume', config.volumes),
    ...facts('stop signal', optional(config.stopSignal)),
    ...facts('label', pairs(config.labels)),
  ];
}

function pairs(map: { readonly [key: string]: string }): readonly string[] {
  return Object.entries(map).map(([key, value]) => `${key}=${value}`);
}
