import { digestOf } from '@img/spec/digest';
import { encodeManifest, type Manifest } from '@img/spec/manifest';
import { mediaTypes } from '@img/spec/media-types';
import type { Contestant } from './registry-contestants.ts';
import { Connection, newContent, type Work } from './registry-load.ts';

/** Something that a registry is measured by. */
export type RegistryFigure = {
  readonly title: string;
  readonly connections: number;
  readonly work: Work;
  /** Whether bytes per second say more than how often. */
  readonly isTransfer?: boolean;
};

const tags = 100;
const kB = 1000;
const MB = 1000 * kB;
const blobBytes = [MB, 10 * MB, 100 * MB];

/** What all registries are measured by, without their figures. */
export const figureTitles: readonly string[] = [
  ...smallFigures('', '').map(({ title }) => title),
  ...transferFigures(blobBytes.map((sizeBytes) => ({ sizeBytes, digest: '' }))).map(({ title }) => title),
];

/** Puts into a registry what the figures ask it for: of the same sizes into all of them, and each time new. */
export async function fill(contestant: Contestant): Promise<readonly RegistryFigure[]> {
  const connection = new Connection(contestant);
  const config = new TextEncoder().encode(
    '{"architecture":"amd64","os":"linux","rootfs":{"type":"layers","diff_ids":[]}}',
  );
  const layer = newContent(MB);
  const descriptors = [];
  for (const [mediaType, content] of [
    [mediaTypes.ociConfig, config],
    [mediaTypes.ociLayer, layer],
  ] as const) {
    const digest = digestOf(content);
    await connection.pushBlob('bench/app', content);
    descriptors.push({ mediaType, digest, size: content.byteLength });
  }
  const [configDescriptor, ...layers] = descriptors;
  const bytes = encodeManifest({ ...emptyManifest, config: configDescriptor, layers } as Manifest);
  const type = { 'content-type': mediaTypes.ociManifest };
  for (let tag = 0; tag < tags; tag += 1) {
    await connection.send('PUT', `/v2/bench/app/manifests/v${tag}`, {
      body: bytes,
      headers: type,
      expect: 201,
    });
  }
  const blobs: { readonly sizeBytes: number; readonly digest: string }[] = [];
  for (const sizeBytes of blobBytes) {
    blobs.push({ sizeBytes, digest: await connection.pushBlob('bench/large', newContent(sizeBytes)) });
  }
  await connection.close();
  return [...smallFigures(digestOf(bytes), digestOf(layer)), ...transferFigures(blobs)];
}

const emptyManifest = {
  kind: 'manifest',
  mediaType: mediaTypes.ociManifest,
  artifactType: undefined,
  subject: undefined,
  annotations: {},
} as const;

function smallFigures(manifest: string, blob: string): readonly RegistryFigure[] {
  const get = (title: string, method: string, path: string): RegistryFigure => {
    const work: Work = async (connection) => (await connection.send(method, `/v2/bench/app/${path}`)).bytes;
    return { title, connections: 16, work };
  };
  return [
    get('manifest HEAD by tag', 'HEAD', 'manifests/v7'),
    get('manifest GET by tag', 'GET', 'manifests/v7'),
    get('manifest HEAD by digest', 'HEAD', `manifests/${manifest}`),
    get('manifest GET by digest', 'GET', `manifests/${manifest}`),
    get('blob HEAD', 'HEAD', `blobs/${blob}`),
    get('tags page of 100', 'GET', 'tags/list?n=100'),
  ];
}

function transferFigures(
  blobs: readonly { readonly sizeBytes: number; readonly digest: string }[],
): readonly RegistryFigure[] {
  const pulls = blobs.map(({ sizeBytes, digest }): RegistryFigure => {
    const work: Work = async (connection) =>
      (await connection.send('GET', `/v2/bench/large/blobs/${digest}`)).bytes;
    return { title: `blob GET ${sizeBytes / MB} MB`, connections: 4, work, isTransfer: true };
  });
  const pushes = [10 * kB, MB, 100 * MB].map((sizeBytes): RegistryFigure => {
    const work: Work = async (connection) => {
      await connection.pushBlob('bench/pushed', newContent(sizeBytes));
      return sizeBytes;
    };
    const size = sizeBytes < MB ? `${sizeBytes / kB} kB` : `${sizeBytes / MB} MB`;
    return { title: `push ${size}`, connections: sizeBytes > MB ? 2 : 4, work, isTransfer: true };
  });
  return [...pulls, ...pushes];
}
