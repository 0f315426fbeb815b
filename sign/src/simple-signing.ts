import type { Digest } from '@img/spec/digest';
import { parseDigest } from '@img/spec/digest';
import { limits } from '@img/spec/limits';
import { quote } from '@img/spec/quote';
import { annotationsFrom } from './annotation.ts';
import { readDocument } from './document.ts';
import { SignError } from './sign-error.ts';
import { type Claim, checkStatement, formatIdentity, parseIdentity, type Statement } from './statement.ts';
import { latestUnixTime, unixTime } from './unix-time.ts';

/*
 * The payload of cosign's simple signing, which podman, skopeo, CRI-O and cosign read:
 *
 *     {"critical":{"identity":{"docker-reference":"HOST/NAME:TAG"},
 *                  "image":{"docker-manifest-digest":"sha256:…"},
 *                  "type":"cosign container image signature"},
 *      "optional":{"creator":"img","timestamp":SECONDS,"img.seq":N,"img.expires":SECONDS}}
 *
 * Annotations of the signer stand in "optional", too, as cosign's do. The signature is over exactly these bytes. The tag in docker-reference is what makes podman refuse a
 * signature under another tag; cosign itself leaves it out, and everything in "optional".
 */

const payloadType = 'cosign container image signature';

/** The bytes to sign. */
export function encodeSimpleSigning(claim: Claim, digest: Digest): Uint8Array {
  const { sequence, issued, expires, annotations } = claim;
  const payload = {
    critical: {
      identity: { 'docker-reference': formatIdentity(claim) },
      image: { 'docker-manifest-digest': digest },
      type: payloadType,
    },
    optional: {
      ...annotations,
      creator: 'img',
      timestamp: issued,
      ...(sequence === undefined ? {} : { 'img.seq': sequence }),
      ...(expires === undefined ? {} : { 'img.expires': expires }),
    },
  };
  return new TextEncoder().encode(JSON.stringify(payload));
}

/**
 * Reads a payload whose signature was verified, as strictly as podman does: unknown fields are refused in
 * everything but "optional".
 *
 * @throws SignError PAYLOAD_INVALID, STATEMENT_INVALID
 */
export function parseSimpleSigning(payload: Uint8Array): Statement {
  const kind = { name: 'payload', maxBytes: limits.signatureBytes, code: 'PAYLOAD_INVALID' } as const;
  return readDocument(payload, kind, (fields) => {
    fields.onlyKeys(['critical', 'optional']);
    const critical = fields.object('critical');
    critical.onlyKeys(['identity', 'image', 'type']);
    const identity = critical.object('identity');
    identity.onlyKeys(['docker-reference']);
    const image = critical.object('image');
    image.onlyKeys(['docker-manifest-digest']);
    const type = critical.string('type');
    if (type !== payloadType) {
      throw new SignError(
        'PAYLOAD_INVALID',
        `${critical.path('type')} should be ${quote(payloadType)}, not ${quote(type)}`,
      );
    }
    const digest = parseDigest(image.string('docker-manifest-digest'));
    const optional = fields.optionalObject('optional');
    const timestamp = optional?.optionalInteger('timestamp', 0, latestUnixTime);
    const expires = optional?.optionalInteger('img.expires', 0, latestUnixTime);
    const annotations = annotationsFrom(optional);
    return checkStatement({
      ...parseIdentity(identity.string('docker-reference'), digest),
      digest,
      sequence: optional?.optionalInteger('img.seq', 1),
      issued: timestamp === undefined ? undefined : unixTime(timestamp),
      expires: expires === undefined ? undefined : unixTime(expires),
      ...(annotations && { annotations }),
    });
  });
}
