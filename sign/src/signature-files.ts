import type { RepositoryName } from '@img/spec/repository-name';
import { decodeBase64 } from './base64.ts';
import { parseBundle } from './bundle.ts';
import type { Decision, Finding } from './decision.ts';
import { preAuthEncoding } from './dsse.ts';
import type { Evidence } from './evidence.ts';
import type { PublicKey } from './public-key.ts';
import { armorSshSignature, isSshSignature, sshSignatureNamespace } from './ssh-signature.ts';
import { findBan, type TrustPolicy } from './trust-policy.ts';
import { identitiesIn, type TrustRule } from './trust-rule.ts';

/*
 * Signatures as files, for people who want to verify them with nothing of ours: NAME.payload is what was signed,
 * byte for byte, NAME.sig the signature for openssl and cosign verify-blob, NAME.sshsig that for ssh-keygen, NAME.pub
 * the key in PEM, and allowed_signers whose keys count.
 */

/** One signature, and what of it there is as files. */
export type SignatureFiles = Pick<Finding, 'encoding' | 'identity' | 'key'> & {
  /** How the names of its files begin, such as `1-alice-bundle`. */
  readonly name: string;
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
  /** Undefined where whoever signed made none for ssh-keygen, or another's stands there. */
  readonly sshSignature: string | undefined;
  /** In PEM; undefined where the key is not known. */
  readonly publicKey: string | undefined;
};

/** Every signature that a decision looked at and that has the form of one, whether it counted or not, in its order. */
export function signatureFiles(
  evidence: Evidence,
  { findings }: Pick<Decision, 'findings'>,
): readonly SignatureFiles[] {
  return findings
    .filter(({ code }) => code !== 'MALFORMED' && code !== 'OVER_LIMIT')
    .flatMap((finding, at): readonly SignatureFiles[] => {
      const found = signedBytesOf(evidence, finding);
      if (found === undefined) return [];
      const { encoding, identity, key } = finding;
      const publicKey = identity?.keys.find(({ fingerprint }) => fingerprint === key);
      const name = `${at + 1}-${identity?.id ?? 'unknown'}-${encoding}`;
      const sshSignature = sshSignatureOf(found, publicKey);
      const { payload, signature } = found;
      return [
        { name, encoding, identity, key, payload, signature, sshSignature, publicKey: publicKey?.toPem() },
      ];
    });
}

/**
 * The file that tells ssh-keygen whose signatures of images count: one line for each key of everybody whom the rule
 * names. Keys that were taken back are left out, also those that still count for what a log had before, because
 * ssh-keygen asks no log.
 */
export function allowedSigners(
  rule: TrustRule | undefined,
  policy: TrustPolicy,
  repository: RepositoryName,
): string {
  const isGivenUp = ({ fingerprint }: PublicKey) => {
    const bans = [...(policy.revoked.get(fingerprint) ?? []), ...(policy.retired.get(fingerprint) ?? [])];
    return findBan(bans, repository) !== undefined;
  };
  const ids = new Set(rule === undefined ? [] : identitiesIn(rule));
  return [...ids]
    .flatMap((id) => {
      const keys = policy.identities.get(id)?.keys ?? [];
      return keys.filter((key) => !isGivenUp(key)).map((key) => ({ id, key }));
    })
    .map(({ id, key }) => `${id} namespaces="${sshSignatureNamespace}" ${key.toSshLine()}\n`)
    .join('');
}

type SignedBytes = {
  readonly payload: Uint8Array;
  readonly signature: Uint8Array;
  readonly sshSignature: string | undefined;
};

function signedBytesOf(evidence: Evidence, { encoding, index }: Finding): SignedBytes | undefined {
  if (encoding === 'bundle') {
    const bundle = evidence.bundles[index];
    if (bundle === undefined) return undefined;
    const { payloadType, payload, signature } = parseBundle(bundle).envelope;
    const sshSignature = evidence.sshSignatures?.[index];
    return { payload: preAuthEncoding(payloadType, payload), signature, sshSignature };
  }
  const simple = evidence.simpleSignatures[index];
  const signature = decodeBase64(simple?.signature ?? '');
  if (simple === undefined || signature === undefined) return undefined;
  return { payload: simple.payload, signature, sshSignature: simple.sshSignature };
}

function sshSignatureOf(
  { payload, sshSignature: text }: SignedBytes,
  key: PublicKey | undefined,
): string | undefined {
  if (text === undefined || key === undefined || !isSshSignature(text, key, payload)) return undefined;
  return armorSshSignature(text);
}
