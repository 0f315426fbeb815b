import type { TestClient } from '@img/registry/server/testing/test-client';
import { pushBlob, pushManifest } from '@img/registry/server/testing/test-registry';
import { type StoredManifest, type StoredSignatures, signatureAnnotation } from './stored-signatures.ts';

type Envelope = StoredSignatures['bundles'][number]['dsseEnvelope'];

/** Stores the payloads of simple signing beside a copy of the image, each as if it were the tenth about its tag. */
export async function putChangedPayloads(
  registry: TestClient,
  { manifest, payloads, tag }: StoredSignatures,
  into: string,
): Promise<void> {
  const contents = payloads.map(({ bytes }) => replaced(bytes, '"img.seq":1', '"img.seq":10'));
  await copyConfig(registry, manifest, into);
  await pushManifest(registry, await withLayers(registry, manifest, contents, into), {
    into,
    reference: tag,
  });
}

/** Attaches the bundles to a copy of the image, each as if it were the tenth about its tag. */
export function putChangedBundles(
  registry: TestClient,
  stored: StoredSignatures,
  into: string,
): Promise<void> {
  return putBundles(registry, stored, into, ({ payload, ...rest }) => {
    const changed = replaced(Buffer.from(payload, 'base64'), '"seq":1', '"seq":10');
    return { ...rest, payload: Buffer.from(changed).toString('base64') };
  });
}

/** Attaches the bundles to a copy of the image, each as if another key had signed it. */
export function putRenamedKeys(registry: TestClient, stored: StoredSignatures, into: string): Promise<void> {
  return putBundles(registry, stored, into, (envelope) => ({
    ...envelope,
    signatures: envelope.signatures.map((signature) => ({ ...signature, keyid: 'alice' })),
  }));
}

async function putBundles(
  registry: TestClient,
  { attachments, bundles }: StoredSignatures,
  into: string,
  change: (envelope: Envelope) => Envelope,
): Promise<void> {
  for (const [index, bundle] of bundles.entries()) {
    const content = JSON.stringify({ ...bundle, dsseEnvelope: change(bundle.dsseEnvelope) });
    const attachment = attachments[index] as StoredManifest;
    await copyConfig(registry, attachment, into);
    await pushManifest(registry, await withLayers(registry, attachment, [content], into), { into });
  }
}

/** Stores the payloads of simple signing, as they are, as if they were about another image. */
export async function putReplayedPayloads(
  registry: TestClient,
  { manifest, payloads }: StoredSignatures,
  into: string,
  digest: string,
): Promise<void> {
  const contents = payloads.map(({ bytes }) => bytes.toString());
  await copyConfig(registry, manifest, into);
  const reference = `${digest.replace(':', '-')}.sig`;
  await pushManifest(registry, await withLayers(registry, manifest, contents, into), { into, reference });
}

/** Attaches the bundles, as they are, to another image. */
export async function putReplayedBundles(
  registry: TestClient,
  { attachments, bundles }: StoredSignatures,
  into: string,
  digest: string,
): Promise<void> {
  for (const [index, bundle] of bundles.entries()) {
    const attachment = attachments[index] as StoredManifest;
    await copyConfig(registry, attachment, into);
    const stored = await withLayers(registry, attachment, [JSON.stringify(bundle)], into);
    const subject = { ...(attachment['subject'] as object), digest };
    await pushManifest(registry, { ...stored, subject }, { into });
  }
}

/** Stores a signature of nobody before those of the image, which every reader has to skip. */
export async function putJunkSignature(
  registry: TestClient,
  { manifest, payloads, tag }: StoredSignatures,
  into: string,
): Promise<void> {
  const [layer] = manifest.layers;
  const content = payloads[0]?.bytes.toString().replace('"img.seq":1', '"img.seq":99') ?? '';
  const digest = await pushBlob(registry, content, { into });
  const annotations = { [signatureAnnotation]: Buffer.alloc(64, 1).toString('base64') };
  const junk = { ...layer, digest, size: Buffer.byteLength(content), annotations };
  const layers = [junk, ...manifest.layers];
  await pushManifest(registry, { ...manifest, layers }, { into, reference: tag });
}

/** The manifest with other contents in its layers, which are stored. */
async function withLayers(
  registry: TestClient,
  manifest: StoredManifest,
  contents: readonly string[],
  into: string,
): Promise<StoredManifest> {
  const layers = manifest.layers.map(async (layer, index) => {
    const content = contents[index] ?? '';
    return {
      ...layer,
      digest: await pushBlob(registry, content, { into }),
      size: Buffer.byteLength(content),
    };
  });
  return { ...manifest, layers: await Promise.all(layers) };
}

async function copyConfig(registry: TestClient, { config }: StoredManifest, into: string): Promise<void> {
  const { bytes } = await registry.send('GET', `/v2/com.example.app/blobs/${config.digest}`);
  await pushBlob(registry, bytes, { into });
}

function replaced(bytes: Uint8Array, text: string, by: string): string {
  const content = Buffer.from(bytes).toString();
  if (!content.includes(text)) throw new Error(`there is no ${text} in ${content}`);
  return content.replace(text, by);
}
