import { createPublicKey } from 'node:crypto';
import { annotations } from '@img/spec/annotations';
import type { JsonObject } from '@img/spec/json';
import { parseImageManifest } from '@img/spec/manifest';
import { mediaTypes } from '@img/spec/media-types';
import { bundleFromJSON } from '@sigstore/bundle';
import { toSignedEntity, toTrustMaterial, Verifier } from '@sigstore/verify';
import test from 'ava';
import fc from 'fast-check';
import { bundleManifest, bundleMediaType, emptyConfig, encodeBundle, parseBundle } from './bundle.ts';
import { contentOf } from './content.ts';
import { preAuthEncoding } from './dsse.ts';
import { encodeInToto, inTotoPayloadType, signaturePredicateType } from './in-toto.ts';
import type { PublicKey } from './public-key.ts';
import { SignError } from './sign-error.ts';
import { testClaim, testDigest, testImage } from './testing/test-claim.ts';
import { testKey } from './testing/test-keys.ts';

const alice = testKey(1);
const payload = encodeInToto(testClaim, testDigest('a'));
const envelope = {
  payloadType: inTotoPayloadType,
  payload,
  signature: await alice.sign(preAuthEncoding(inTotoPayloadType, payload)),
  keyId: alice.publicKey.fingerprint,
};
const bundle = encodeBundle(envelope);
const json = JSON.parse(Buffer.from(bundle).toString());
const bytes = (value: JsonObject) => new TextEncoder().encode(JSON.stringify(value));

// What sigstore's own verifier says, with the key that the bundle's hint names.
function sigstoreVerify(value: JsonObject, key: PublicKey): void {
  const none = { mediaType: '', certificateAuthorities: [], ctlogs: [], tlogs: [], timestampAuthorities: [] };
  const finder = (hint: string) => {
    if (hint !== key.fingerprint) throw new Error(`no key ${hint}`);
    return { publicKey: createPublicKey(key.toPem()), validFor: () => true };
  };
  const thresholds = { ctlogThreshold: 0, tlogThreshold: 0, timestampThreshold: 0 };
  const verifier = new Verifier(toTrustMaterial(none, finder), thresholds);
  verifier.verify(toSignedEntity(bundleFromJSON(value)));
}

test('@sigstore/verify accepts our bundle', (t) => {
  t.notThrows(() => sigstoreVerify(json, alice.publicKey));
});

const changed = (change: (copy: typeof json) => void): JsonObject => {
  const copy = structuredClone(json);
  change(copy);
  return copy;
};
const base64 = (content: Uint8Array) => Buffer.from(content).toString('base64');

const changes: readonly (readonly [value: JsonObject, reason: string])[] = [
  [
    changed(({ dsseEnvelope }) => {
      dsseEnvelope.payload = base64(encodeInToto(testClaim, testDigest('b')));
    }),
    'another payload',
  ],
  [
    changed(({ dsseEnvelope }) => {
      dsseEnvelope.payloadType = 'application/json';
    }),
    'another payload type',
  ],
  [
    changed(({ dsseEnvelope }) => {
      dsseEnvelope.signatures[0].sig = base64(new Uint8Array(64));
    }),
    'no signature',
  ],
  [
    changed(({ dsseEnvelope }) => {
      dsseEnvelope.signatures.push(dsseEnvelope.signatures[0]);
    }),
    'two signatures',
  ],
];

test('@sigstore/verify refuses our bundle when it is changed or by another key', (t) => {
  t.throws(() => sigstoreVerify(json, testKey(2).publicKey));
  for (const [value, reason] of changes)
    t.throws(() => sigstoreVerify(value, alice.publicKey), undefined, reason);
});

// Each of these is what Go's verifier (sigstore-go) refuses and @sigstore/verify may let pass.
test('encodeBundle() keeps the rules of the strictest verifier', (t) => {
  t.deepEqual(Object.keys(json), ['mediaType', 'verificationMaterial', 'dsseEnvelope'], 'no unknown fields');
  t.is(json.mediaType, 'application/vnd.dev.sigstore.bundle.v0.3+json');
  t.deepEqual(Object.keys(json.verificationMaterial), ['publicKey'], 'no entries of logs it does not know');
  t.deepEqual(Object.keys(json.dsseEnvelope), ['payload', 'payloadType', 'signatures']);
  t.is(json.dsseEnvelope.signatures.length, 1, 'exactly one signature');
  const [signature] = json.dsseEnvelope.signatures;
  t.deepEqual(Object.keys(signature), ['sig', 'keyid']);
  t.is(signature.keyid, alice.publicKey.fingerprint, 'the key id is the fingerprint of OpenSSH');
  t.is(json.verificationMaterial.publicKey.hint, signature.keyid, 'the hint is the key id');
  const statement = JSON.parse(Buffer.from(json.dsseEnvelope.payload, 'base64').toString());
  t.deepEqual(
    Object.keys(statement),
    ['_type', 'subject', 'predicateType', 'predicate'],
    'no unknown fields',
  );
  t.deepEqual(Object.keys(statement.subject[0]), ['name', 'digest'], 'no unknown fields');
  t.is(statement.subject.length, 1);
  t.deepEqual(statement.subject[0].digest, { sha256: 'a'.repeat(64) }, 'the digest of the image');
  t.is(statement.predicateType, 'https://sigstore.dev/cosign/sign/v1', 'no other statement about the image');
  t.is(typeof statement.predicate, 'object');
});

test('parseBundle() reads back what encodeBundle() writes', (t) => {
  t.deepEqual(parseBundle(bundle), { envelope, keyHint: alice.publicKey.fingerprint });
});

test('parseBundle() reads what cosign writes: no key id, a hash as the hint, entries of a log', (t) => {
  const { publicKey } = testKey(2);
  const cosign = changed((copy) => {
    copy.verificationMaterial = {
      publicKey: { hint: publicKey.spkiHash },
      tlogEntries: [{ logIndex: '1' }],
      timestampVerificationData: { rfc3161Timestamps: [] },
    };
    copy.dsseEnvelope.signatures = [{ sig: base64(envelope.signature) }];
    copy.mediaType = 'application/vnd.dev.sigstore.bundle+json;version=0.3';
  });
  t.deepEqual(parseBundle(bytes(cosign)), {
    envelope: { ...envelope, keyId: '' },
    keyHint: publicKey.spkiHash,
  });
});

test('parseBundle() reads both alphabets of base64, as the DSSE protocol demands', (t) => {
  const payload = Uint8Array.of(0xfb, 0xff, 0xfe);
  for (const text of ['+//+', '-__-']) {
    const value = changed(({ dsseEnvelope }) => {
      dsseEnvelope.payload = text;
    });
    t.deepEqual(parseBundle(bytes(value)).envelope.payload, payload);
  }
});

const refused: readonly (readonly [value: JsonObject, reason: string])[] = [
  [{}, 'nothing'],
  [{ ...json, mediaType: 'application/vnd.dev.sigstore.bundle+json;version=0.2' }, 'an older version'],
  [{ ...json, mediaType: 'application/json' }, 'another media type'],
  [
    { ...json, verificationMaterial: { certificate: { rawBytes: 'AA==' } } },
    'a certificate instead of a key',
  ],
  [{ ...json, verificationMaterial: {} }, 'no key'],
  [{ mediaType: json.mediaType, verificationMaterial: json.verificationMaterial }, 'no envelope'],
  [
    { mediaType: json.mediaType, verificationMaterial: json.verificationMaterial, messageSignature: {} },
    'a signature of a digest instead of an envelope',
  ],
  [changes[3]?.[0] ?? {}, 'two signatures'],
  [
    changed(({ dsseEnvelope }) => {
      dsseEnvelope.signatures = [];
    }),
    'no signature',
  ],
  [
    changed(({ dsseEnvelope }) => {
      dsseEnvelope.payload = 'not base64';
    }),
    'a payload that is no base64',
  ],
  [
    changed(({ dsseEnvelope }) => {
      dsseEnvelope.signatures[0].sig = 5;
    }),
    'a signature that is a number',
  ],
  [{ ...json, padding: 'x'.repeat(256 * 1024) }, 'too long'],
];

test('parseBundle() refuses what it cannot verify', (t) => {
  for (const [value, reason] of refused) {
    t.throws(() => parseBundle(bytes(value)), { instanceOf: SignError, code: 'BUNDLE_INVALID' }, reason);
  }
});

test('parseBundle() throws nothing but SignError', (t) => {
  const text = Buffer.from(bundle).toString();
  fc.assert(
    fc.property(fc.nat(text.length), fc.nat(20), fc.string({ maxLength: 5 }), (at, cut, added) => {
      try {
        parseBundle(new TextEncoder().encode(text.slice(0, at) + added + text.slice(at + cut)));
        return true;
      } catch (error) {
        return error instanceof SignError;
      }
    }),
  );
  t.pass();
});

test('bundleManifest() attaches the bundle as cosign looks for it', (t) => {
  const image = {
    ...testImage('a'),
    annotations: { more: 'x' },
    platform: { os: 'linux', architecture: 'arm64' },
  };
  const blob = contentOf(bundleMediaType, bundle);
  const said = { created: testClaim.issued, predicateType: signaturePredicateType };
  const manifest = parseImageManifest(bundleManifest(blob, image, said).bytes);
  t.is(manifest.mediaType, mediaTypes.ociManifest);
  t.is(manifest.artifactType, bundleMediaType);
  t.deepEqual(manifest.config, {
    mediaType: 'application/vnd.oci.empty.v1+json',
    digest: 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a',
    size: 2,
  } as never);
  t.deepEqual(manifest.config, emptyConfig.descriptor);
  t.deepEqual(manifest.layers, [blob.descriptor]);
  t.deepEqual(
    manifest.subject,
    testImage('a'),
    'the plain descriptor, so that the same image gives the same bytes',
  );
  t.deepEqual(manifest.annotations, {
    [annotations.created]: '2026-11-22T00:00:00Z',
    'dev.sigstore.bundle.content': 'dsse-envelope',
    'dev.sigstore.bundle.predicateType': 'https://sigstore.dev/cosign/sign/v1',
  });
});
