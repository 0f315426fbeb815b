import type { JsonObject } from '@img/spec/json';
import { JsonFields } from '@img/spec/json-fields';
import { quote } from '@img/spec/quote';
import { decodeAnyBase64, encodeBase64 } from './base64.ts';
import { SignError } from './sign-error.ts';

/** A DSSE envelope with its one signature (https://github.com/secure-systems-lab/dsse, envelope.md). */
export type Envelope = {
  readonly payloadType: string;
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
  /** Not signed: a hint that finds the key. Empty or OpenSSH's fingerprint, else Go's verifiers refuse it. */
  readonly keyId: string;
};

/**
 * What a DSSE signature covers (protocol.md, "PAE"): type and payload, each with its length, so that no bytes
 * mean something else under another type.
 */
export function preAuthEncoding(payloadType: string, payload: Uint8Array): Uint8Array {
  const typeBytes = Buffer.byteLength(payloadType);
  const head = Buffer.from(`DSSEv1 ${typeBytes} ${payloadType} ${payload.byteLength} `);
  return new Uint8Array(Buffer.concat([head, payload]));
}

export function envelopeJson({ payloadType, payload, signature, keyId }: Envelope): JsonObject {
  return {
    payload: encodeBase64(payload),
    payloadType,
    signatures: [{ sig: encodeBase64(signature), keyid: keyId }],
  };
}

/**
 * Reads an envelope. Nothing in it is verified yet.
 *
 * @throws SignError BUNDLE_INVALID; SpecError for a field of the wrong type
 */
export function envelopeFrom(fields: JsonFields): Envelope {
  const [first, ...others] = fields.array('signatures', Number.POSITIVE_INFINITY);
  if (others.length > 0) {
    // Every verifier of bundles wants one; with several, which of them counted would be a matter of taste.
    throw new SignError('BUNDLE_INVALID', `${fields.path('signatures')} should have exactly one signature`);
  }
  const signature = new JsonFields(first, `${fields.path('signatures')}[0]`, 'JSON_INVALID');
  return {
    payloadType: fields.string('payloadType'),
    payload: binary(fields, 'payload'),
    signature: binary(signature, 'sig'),
    keyId: signature.optionalString('keyid') ?? '',
  };
}

function binary(fields: JsonFields, key: string): Uint8Array {
  const text = fields.string(key, Number.POSITIVE_INFINITY);
  // protocol.md: "Signers may use either, and verifiers MUST accept either."
  const bytes = decodeAnyBase64(text);
  if (bytes === undefined) {
    throw new SignError('BUNDLE_INVALID', `${fields.path(key)} should be base64, not ${quote(text)}`);
  }
  return bytes;
}
