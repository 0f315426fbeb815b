import type { Descriptor } from '@img/spec/descriptor';
import { type Digest, digestAlgorithm, digestHex, isDigest } from '@img/spec/digest';
import { type JsonObject, parseJson } from '@img/spec/json';
import { JsonFields } from '@img/spec/json-fields';
import { limits } from '@img/spec/limits';
import { quote } from '@img/spec/quote';
import { bundleManifest, bundleMediaType, emptyConfig, encodeBundle } from './bundle.ts';
import { contentOf } from './content.ts';
import { readDocument, refusingAs } from './document.ts';
import { preAuthEncoding } from './dsse.ts';
import { inTotoPayloadType, statementType } from './in-toto.ts';
import { type PredicateType, parsePredicateTypes } from './predicate-type.ts';
import { SignError } from './sign-error.ts';
import type { SignedImages } from './sign-image.ts';
import { signed } from './signed.ts';
import type { Signer } from './signer.ts';
import type { UnixTime } from './unix-time.ts';

/*
 * An attestation is an in-toto statement about an image, of any type but that of image signatures
 * (https://github.com/in-toto/attestation, spec/v1), in a sigstore bundle that is attached to the image:
 *
 *     {"_type":"https://in-toto.io/Statement/v1","subject":[{"name":"NAME","digest":{"sha256":"…"}}],
 *      "predicateType":"https://slsa.dev/provenance/v1","predicate":{…}}
 */

/** The version before, with the same fields, in which cosign writes attestations. */
const oldStatementType = 'https://in-toto.io/Statement/v0.1';

/** What a verified attestation says of which images. */
export type Attestation = {
  readonly predicateType: string;
  readonly digests: readonly Digest[];
};

export type AttestationToSign = {
  readonly subject: Descriptor;
  /** What the image is called, for people. */
  readonly name: string;
  readonly predicateType: PredicateType;
  /** One JSON object; its bytes go into the statement as they are. */
  readonly predicate: Uint8Array;
  readonly created: UnixTime;
};

/** @throws SignError STATEMENT_INVALID unless the bytes are one JSON object and no whole in-toto statement */
export function parsePredicate(bytes: Uint8Array): JsonObject {
  const maxBytes = limits.attestationBytes;
  const value = refusingAs('STATEMENT_INVALID', () => parseJson(bytes, { maxBytes }), 'predicate: ');
  if (typeof value !== 'object' || value === null || 'map' in value) {
    throw new SignError('STATEMENT_INVALID', 'predicate should be a JSON object');
  }
  const fields = value as JsonObject;
  if (fields['_type'] === undefined || fields['predicateType'] === undefined) return fields;
  throw new SignError('STATEMENT_INVALID', 'file holds a whole in-toto statement', {
    hint: 'give what stands under "predicate" in it; the rest is written anew for this image',
  });
}

/**
 * Signs an attestation. Nobody who verifies images here takes it for a signature of the image; cosign does, for the
 * key that made it.
 *
 * @throws SignError KEY_UNSUPPORTED, SIGNER_FAULTY, STATEMENT_INVALID; whatever the signer throws
 */
export async function signAttestation(signer: Signer, attestation: AttestationToSign): Promise<SignedImages> {
  const { subject, predicateType, created } = attestation;
  if (signer.publicKey.algorithm !== 'ed25519') {
    throw new SignError('KEY_UNSUPPORTED', `key ${signer.publicKey.fingerprint} is not Ed25519`);
  }
  const payload = encodeAttestation(attestation);
  const signature = await signed(signer, preAuthEncoding(inTotoPayloadType, payload));
  const keyId = signer.publicKey.fingerprint;
  const bytes = encodeBundle({ payloadType: inTotoPayloadType, payload, signature, keyId });
  if (bytes.byteLength > limits.attestationBytes) {
    throw new SignError(
      'STATEMENT_INVALID',
      `attestation would have ${bytes.byteLength} bytes, more than the ${limits.attestationBytes} that are read`,
    );
  }
  const bundle = contentOf(bundleMediaType, bytes);
  const manifest = bundleManifest(bundle, subject, { created, predicateType });
  return { blobs: [emptyConfig, bundle], manifests: [{ ...manifest, tag: undefined, subject }] };
}

function encodeAttestation({ subject, name, predicateType, predicate }: AttestationToSign): Uint8Array {
  parsePredicate(predicate);
  // A type that came another way must not make a signature of it.
  parsePredicateTypes(predicateType);
  const { digest } = subject;
  const head = JSON.stringify({
    _type: statementType,
    subject: [{ name, digest: { [digestAlgorithm(digest)]: digestHex(digest) } }],
    predicateType,
  });
  // Without parsing and writing it again its numbers and its order stay what they are.
  return new Uint8Array(
    Buffer.concat([Buffer.from(`${head.slice(0, -1)},"predicate":`), predicate, Buffer.from('}')]),
  );
}

/**
 * Reads an attestation whose signature was verified.
 *
 * @throws SignError BUNDLE_INVALID
 */
export function parseAttestation(payload: Uint8Array): Attestation {
  const kind = { name: 'statement', maxBytes: limits.attestationBytes, code: 'BUNDLE_INVALID' } as const;
  return readDocument(payload, kind, (fields) => {
    const type = fields.string('_type');
    if (type !== statementType && type !== oldStatementType) {
      throw new SignError(
        'BUNDLE_INVALID',
        `${fields.path('_type')} should be ${statementType}, not ${quote(type)}`,
      );
    }
    const digests = fields
      .array('subject', limits.indexManifests)
      .flatMap((value, index): readonly Digest[] => {
        const subject = new JsonFields(value, `${fields.path('subject')}[${index}]`, 'JSON_INVALID');
        const found = subject.optionalObject('digest');
        // Statements may be about other things, too, with digests of other kinds.
        return (['sha256', 'sha512'] as const).flatMap((algorithm) => {
          const hex = found?.optionalString(algorithm);
          return hex === undefined ? [] : [`${algorithm}:${hex}`].filter(isDigest);
        });
      });
    return { predicateType: fields.string('predicateType'), digests };
  });
}
