import { JsonFields } from '@img/spec/json-fields';
import { quote } from '@img/spec/quote';
import { decodeBase64, encodeBase64 } from './base64.ts';
import { readDocument } from './document.ts';
import { preAuthEncoding } from './dsse.ts';
import type { PublicKey } from './public-key.ts';
import { SignError } from './sign-error.ts';
import type { Signer } from './signer.ts';
import { encodeTrustRoot, parseTrustRoot, type TrustRoot } from './trust-root.ts';

/** The type that the signatures of a trust root cover with it (DSSE), so that they are signatures of nothing else. */
export const trustRootPayloadType = 'application/vnd.img.trust-root.v1+json';

/** A trust root with its signatures, in a DSSE envelope; or a draft, which has too few of them. */
export type SignedTrustRoot = {
  readonly root: TrustRoot;
  /** The exact bytes that are signed. */
  readonly payload: Uint8Array;
  readonly signatures: readonly RootSignature[];
};

export type RootSignature = {
  /** OpenSSH's fingerprint of the key; names it, proves nothing. */
  readonly keyId: string;
  readonly signature: Uint8Array;
};

const maxBytes = 2 * 1024 * 1024;
const maxSignatures = 128;
const code = 'ROOT_INVALID';

/** A draft without signatures. */
export function draftTrustRoot(root: TrustRoot): SignedTrustRoot {
  return { root, payload: encodeTrustRoot(root), signatures: [] };
}

/** Whether the bytes are meant to be a signed trust root, well-formed or not. */
export function isSignedTrustRoot(fields: JsonFields): boolean {
  return fields.has('payloadType') || fields.has('signatures');
}

/**
 * Reads a trust root with its signatures, none of which is verified.
 *
 * @throws SignError ROOT_INVALID, and what {@link parseTrustRoot} throws
 */
export function parseSignedTrustRoot(bytes: Uint8Array): SignedTrustRoot {
  return readDocument(bytes, { name: 'trust root', maxBytes, code }, (fields) => {
    fields.onlyKeys(['payload', 'payloadType', 'signatures']);
    const payloadType = fields.string('payloadType');
    if (payloadType !== trustRootPayloadType) {
      throw new SignError(
        code,
        `${fields.path('payloadType')} should be ${trustRootPayloadType}, not ${quote(payloadType)}`,
      );
    }
    const payload = binary(fields, 'payload');
    const signatures = fields.array('signatures', maxSignatures).map((value, index) => {
      const entry = new JsonFields(value, `${fields.path('signatures')}[${index}]`, 'JSON_INVALID');
      entry.onlyKeys(['sig', 'keyid']);
      return { keyId: entry.string('keyid'), signature: binary(entry, 'sig') };
    });
    return { root: parseTrustRoot(payload), payload, signatures };
  });
}

/** What {@link parseSignedTrustRoot} reads. */
export function encodeSignedTrustRoot({ payload, signatures }: SignedTrustRoot): Uint8Array {
  const json = {
    payloadType: trustRootPayloadType,
    payload: encodeBase64(payload),
    signatures: signatures.map(({ keyId, signature }) => ({ keyid: keyId, sig: encodeBase64(signature) })),
  };
  return new TextEncoder().encode(`${JSON.stringify(json, null, 2)}\n`);
}

/** Adds a signature, in place of an older one by the same key. @throws SignError SIGNER_FAULTY; what the signer throws */
export async function signTrustRoot(signed: SignedTrustRoot, signer: Signer): Promise<SignedTrustRoot> {
  const bytes = preAuthEncoding(trustRootPayloadType, signed.payload);
  const signature = await signer.sign(bytes);
  const keyId = signer.publicKey.fingerprint;
  if (!signer.publicKey.verify(bytes, signature)) {
    throw new SignError('SIGNER_FAULTY', `signature does not verify with the signer's key ${keyId}`);
  }
  const others = signed.signatures.filter((other) => other.keyId !== keyId);
  return { ...signed, signatures: [...others, { keyId, signature }] };
}

/** Those of the keys that have signed, each once however often it signed. */
export function rootSigners(
  { payload, signatures }: SignedTrustRoot,
  keys: readonly PublicKey[],
): readonly PublicKey[] {
  const bytes = preAuthEncoding(trustRootPayloadType, payload);
  return keys.filter((key) =>
    signatures.some(({ keyId, signature }) => keyId === key.fingerprint && key.verify(bytes, signature)),
  );
}

function binary(fields: JsonFields, key: string): Uint8Array {
  const bytes = decodeBase64(fields.string(key, Number.POSITIVE_INFINITY));
  if (bytes !== undefined) return bytes;
  throw new SignError(code, `${fields.path(key)} should be base64`);
}
