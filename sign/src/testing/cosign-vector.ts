import { readFileSync } from 'node:fs';
import { parseDigest } from '@img/spec/digest';
import { parseImageManifest } from '@img/spec/manifest';
import type { Evidence } from '../evidence.ts';
import { parsePublicKey } from '../public-key.ts';
import { signatureLayers } from '../signature-manifest.ts';

const vector = JSON.parse(readFileSync(new URL('../vectors/cosign.json', import.meta.url), 'utf8'));
const bytes = (text: string) => new TextEncoder().encode(text);
const signatureManifest = bytes(vector.signatureManifest);

/** What cosign's two generations wrote for one image, `com.example.app:1.0`, with a P-256 key. */
export const cosignVector = {
  digest: parseDigest(vector.digest),
  publicKey: parsePublicKey(vector.publicKey),
  signatureManifest,
  evidence: {
    simpleSignatures: signatureLayers(parseImageManifest(signatureManifest)).map(({ signature }) => {
      return { payload: bytes(vector.payload), signature };
    }),
    bundles: [bytes(vector.bundle)],
  } satisfies Evidence,
};
