import { administrator } from '@img/cli/testing/test-registry';
import { TestClient } from '@img/registry/server/testing/test-client';
import { basic } from '@img/registry/server/testing/test-registry';
import type { ExecutionContext } from 'ava';

type Descriptor = {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  readonly annotations?: { readonly [name: string]: string };
};

export type StoredManifest = {
  readonly mediaType: string;
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
  readonly [field: string]: unknown;
};

/** A sigstore bundle, as JSON. */
export type StoredBundle = {
  readonly dsseEnvelope: {
    readonly payload: string;
    readonly payloadType: string;
    readonly signatures: readonly { readonly sig: string }[];
  };
  readonly [field: string]: unknown;
};

/** What is stored about the signatures of an image, in both encodings. */
export type StoredSignatures = {
  /** Of the manifest that is signed. */
  readonly digest: string;
  /** The tag of the signatures that are encoded as simple signing. */
  readonly tag: string;
  readonly manifest: StoredManifest;
  readonly payloads: readonly { readonly bytes: Buffer; readonly signature: Buffer }[];
  readonly bundles: readonly StoredBundle[];
  /** The manifests that attach the bundles to the image, one each. */
  readonly attachments: readonly StoredManifest[];
};

/** Where cosign looks for the signature of a payload. */
export const signatureAnnotation = 'dev.cosignproject.cosign/signature';

/** Speaks to a test registry as its administrator, without any of img's own client. */
export function administratorOf(t: ExecutionContext, registry: string): TestClient {
  const client = new TestClient(`http://${registry}`, basic(administrator.name, administrator.password));
  t.teardown(() => client.close());
  return client;
}

/** Reads the signatures of com.example.app:1.0.0 as any other client would. */
export async function readSignatures(client: TestClient): Promise<StoredSignatures> {
  const repository = '/v2/com.example.app';
  const read = async (path: string) => await client.send('GET', `${repository}/${path}`);
  const digest = (await read('manifests/1.0.0')).headers['docker-content-digest'] ?? '';
  const tag = `${digest.replace(':', '-')}.sig`;
  const manifest = (await read(`manifests/${tag}`)).json as StoredManifest;
  const payloads = await Promise.all(
    manifest.layers.map(async ({ digest, annotations }) => ({
      bytes: (await read(`blobs/${digest}`)).bytes,
      signature: Buffer.from(annotations?.[signatureAnnotation] ?? '', 'base64'),
    })),
  );
  const referrers = (await read(`referrers/${digest}`)).json as { manifests: readonly Descriptor[] };
  const attachments = await Promise.all(
    referrers.manifests.map(async ({ digest }) => (await read(`manifests/${digest}`)).json as StoredManifest),
  );
  const bundles = await Promise.all(
    attachments.map(async ({ layers }) => (await read(`blobs/${layers[0]?.digest}`)).json as StoredBundle),
  );
  return { digest, tag, manifest, payloads, bundles, attachments };
}
