import { annotations } from '@img/spec/annotations';
import type { Descriptor } from '@img/spec/descriptor';
import type { JsonFields } from '@img/spec/json-fields';
import { limits } from '@img/spec/limits';
import { encodeManifest, type ImageManifest } from '@img/spec/manifest';
import { mediaTypes } from '@img/spec/media-types';
import { quote } from '@img/spec/quote';
import { type Content, contentOf } from './content.ts';
import { readDocument } from './document.ts';
import { type Envelope, envelopeFrom, envelopeJson } from './dsse.ts';
import { SignError } from './sign-error.ts';
import { sshSignatureAnnotation } from './ssh-signature.ts';
import { formatUnixTime, type UnixTime } from './unix-time.ts';

/*
 * A sigstore bundle, version 0.3, with a DSSE envelope (https://github.com/sigstore/protobuf-specs,
 * sigstore_bundle.proto), which cosign since version 3 and the sigstore libraries read:
 *
 *     {"mediaType":"application/vnd.dev.sigstore.bundle.v0.3+json",
 *      "verificationMaterial":{"publicKey":{"hint":"SHA256:…"}},
 *      "dsseEnvelope":{"payload":"…","payloadType":"application/vnd.in-toto+json",
 *                      "signatures":[{"sig":"…","keyid":"SHA256:…"}]}}
 *
 * Hint and key id are OpenSSH's fingerprint: the specification wants them equal, and Go's verifiers skip a
 * signature with any other key id. Entries of transparency logs are left out: readers refuse those of logs that
 * they don't know.
 */

export const bundleMediaType = 'application/vnd.dev.sigstore.bundle.v0.3+json';

// The first spelling of version 0.3.
const oldBundleMediaType = 'application/vnd.dev.sigstore.bundle+json;version=0.3';

/** What is read of a bundle; nothing in it is verified yet. */
export type Bundle = {
  readonly envelope: Envelope;
  /** Names the key, in the words of whoever wrote it; may be empty. */
  readonly keyHint: string;
};

/** The bytes of a bundle; the key id of the envelope is also the hint. */
export function encodeBundle(envelope: Envelope): Uint8Array {
  const bundle = {
    mediaType: bundleMediaType,
    verificationMaterial: { publicKey: { hint: envelope.keyId } },
    dsseEnvelope: envelopeJson(envelope),
  };
  return new TextEncoder().encode(JSON.stringify(bundle));
}

/**
 * Reads a bundle that was signed with a key. Fields that are not needed are left aside, also the entries of
 * logs that cosign adds: keys are trusted here, not logs.
 *
 * @throws SignError BUNDLE_INVALID, also for a bundle signed with a certificate or over a digest only
 */
export function parseBundle(bytes: Uint8Array, maxBytes: number = limits.signatureBytes): Bundle {
  const kind = { name: 'bundle', maxBytes, code: 'BUNDLE_INVALID' } as const;
  return readDocument(bytes, kind, (fields) => {
    const mediaType = fields.string('mediaType');
    if (mediaType !== bundleMediaType && mediaType !== oldBundleMediaType) {
      throw new SignError(
        'BUNDLE_INVALID',
        `${fields.path('mediaType')} should be ${bundleMediaType}, not ${quote(mediaType)}`,
      );
    }
    const key = keyFrom(fields.object('verificationMaterial'));
    return {
      envelope: envelopeFrom(fields.object('dsseEnvelope')),
      keyHint: key.optionalString('hint') ?? '',
    };
  });
}

/** Says in a manifest of what type the statement in a bundle is; unverified. */
export const predicateTypeAnnotation = 'dev.sigstore.bundle.predicateType';

/** Proves that the bundle is in a log (https://c2sp.org/tlog-proof); unverified. It goes wherever the manifest goes. */
export const proofAnnotation = 'img.log-proof';

/** What the manifest of a bundle says of it. */
export type BundleDetails = {
  readonly created: UnixTime;
  readonly predicateType: string;
  /** For ssh-keygen, over the same bytes as the signature in the bundle: `signSsh`. */
  readonly sshSignature?: string;
};

/** The manifest that attaches a bundle to an image as a referrer (image-spec, "subject"). */
export function bundleManifest(
  bundle: Content,
  subject: Descriptor,
  { created, predicateType, sshSignature }: BundleDetails,
): Content {
  const { mediaType, digest, size } = subject;
  const bytes = encodeManifest({
    kind: 'manifest',
    mediaType: mediaTypes.ociManifest,
    artifactType: bundleMediaType,
    config: emptyConfig.descriptor,
    layers: [bundle.descriptor],
    subject: { mediaType, digest, size },
    annotations: {
      [annotations.created]: formatUnixTime(created),
      'dev.sigstore.bundle.content': 'dsse-envelope',
      [predicateTypeAnnotation]: predicateType,
      ...(sshSignature !== undefined && { [sshSignatureAnnotation]: sshSignature }),
    },
  });
  return contentOf(mediaTypes.ociManifest, bytes);
}

/** The manifest of a bundle with another proof in it, which makes another manifest of it. */
export function withProof(manifest: ImageManifest, proof: string): Content {
  const bytes = encodeManifest({
    ...manifest,
    annotations: { ...manifest.annotations, [proofAnnotation]: proof },
  });
  return contentOf(mediaTypes.ociManifest, bytes);
}

/** The config of an artifact that has none (image-spec, manifest.md#guidance-for-an-empty-descriptor). */
export const emptyConfig: Content = contentOf(mediaTypes.ociEmpty, new TextEncoder().encode('{}'));

function keyFrom(material: JsonFields): JsonFields {
  const key = material.optionalObject('publicKey');
  if (key !== undefined) return key;
  throw new SignError('BUNDLE_INVALID', `${material.path('publicKey')} is missing`, {
    hint: 'signatures with certificates (keyless) are not supported: sign with a key',
  });
}
