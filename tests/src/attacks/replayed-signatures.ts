import type { ManifestContent } from '@img/registry/transfer/content';
import { bundleManifest, bundleMediaType, emptyConfig, encodeBundle } from '@img/sign/bundle';
import { contentOf } from '@img/sign/content';
import { preAuthEncoding } from '@img/sign/dsse';
import { inTotoPayloadType, signaturePredicateType, statementType } from '@img/sign/in-toto';
import { signatureTag } from '@img/sign/signature-manifest';
import { testKey } from '@img/sign/testing/test-keys';
import { digestHex } from '@img/spec/digest';
import { artifactTypeOf, parseManifest } from '@img/spec/manifest';
import type { DoubleStage } from '../testing/double-stage.ts';
import { at } from './attack.ts';

const name = 'com.example.app';

type Registry = Pick<DoubleStage, 'double'>;

/** Offers the signatures of one image, as they are, as those of another. */
export function replaySignatures({ double }: Registry, of: ManifestContent, as: ManifestContent): void {
  for (const manifest of [...double.manifests.values()]) {
    const parsed = parseManifest(manifest.bytes, manifest.mediaType);
    if (parsed.kind !== 'manifest' || parsed.subject?.digest !== of.descriptor.digest) continue;
    const [descriptor] = parsed.layers;
    if (descriptor === undefined || artifactTypeOf(parsed) !== bundleMediaType) continue;
    const bytes = double.blobs.get(descriptor.digest) ?? new Uint8Array();
    attachBundle({ double }, { descriptor, bytes }, as);
  }
  const simple = double.manifests.get(`${name}:${signatureTag(of.descriptor.digest)}`);
  if (simple !== undefined) {
    double.addManifest(name, simple.bytes, simple.mediaType, signatureTag(as.descriptor.digest));
  }
}

/** Signs a list of what is in an image, and attaches it as if it were a signature. */
export async function attachOtherPredicate(
  registry: Registry,
  key: number,
  image: ManifestContent,
): Promise<void> {
  const statement = {
    _type: statementType,
    subject: [{ name, digest: { sha256: digestHex(image.descriptor.digest) } }],
    predicateType: 'https://spdx.dev/Document',
    predicate: { spdxVersion: 'SPDX-2.3' },
  };
  await attachStatement(registry, key, JSON.stringify(statement), image);
}

/** Attaches so many bundles by one key, none of which says anything of an image. */
export async function floodSignatures(
  registry: Registry,
  key: number,
  image: ManifestContent,
  count: number,
): Promise<void> {
  for (const n of Array(count).keys()) await attachStatement(registry, key, JSON.stringify({ n }), image);
}

async function attachStatement(registry: Registry, key: number, text: string, image: ManifestContent) {
  const payload = new TextEncoder().encode(text);
  const signer = testKey(key);
  const signature = await signer.sign(preAuthEncoding(inTotoPayloadType, payload));
  const envelope = {
    payloadType: inTotoPayloadType,
    payload,
    signature,
    keyId: signer.publicKey.fingerprint,
  };
  attachBundle(registry, contentOf(bundleMediaType, encodeBundle(envelope)), image);
}

function attachBundle({ double }: Registry, bundle: ManifestContent, image: ManifestContent): void {
  const attached = { created: at(0), predicateType: signaturePredicateType };
  const { bytes, descriptor } = bundleManifest(bundle, image.descriptor, attached);
  double.addBlob(emptyConfig.bytes);
  double.addBlob(bundle.bytes);
  double.addManifest(name, bytes, descriptor.mediaType);
}
