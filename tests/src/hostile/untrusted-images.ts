import type { ManifestContent } from '@img/registry/transfer/content';
import { hostPlatform } from '@img/runtime/launch/host-platform';
import { putTestIndex } from '@img/runtime/testing/test-image';
import { bundleMediaType } from '@img/sign/bundle';
import type { RefusalCode } from '@img/sign/decision';
import { signatureTag } from '@img/sign/signature-manifest';
import { testRule } from '@img/sign/testing/test-policy';
import type { TrustRule } from '@img/sign/trust-rule';
import type { UnixTime } from '@img/sign/unix-time';
import { digestOf } from '@img/spec/digest';
import { artifactTypeOf, parseManifest } from '@img/spec/manifest';
import { parseRepositoryName } from '@img/spec/repository-name';
import { parseTag } from '@img/spec/tag';
import type { DoubleStage } from '../testing/double-stage.ts';
import { putShellImage, putSignedShellImage, shellTag, signShellImage } from '../testing/shell-image.ts';
import { aliceRule } from '../testing/test-host.ts';

const [bob, stranger] = [2, 9];
const now = Math.floor(Date.now() / 1000);
const at = (seconds: number) => (now + seconds) as UnixTime;

/** An image in a registry that no host should start, and how the host says so. */
export type UntrustedImage = {
  readonly name: string;
  readonly rules?: readonly TrustRule[];
  /** Puts it into the registry. */
  readonly put: (stage: DoubleStage) => Promise<ManifestContent>;
  /** Asked for as com.example.app:1.0 otherwise. */
  readonly isAskedByDigest?: true;
  readonly reason: RefusalCode;
  readonly message: RegExp;
};

export const untrustedImages: readonly UntrustedImage[] = [
  {
    name: 'that nobody has signed',
    put: ({ repository }) => putShellImage(repository),
    reason: 'UNSIGNED',
    message: /^com\.example\.app:1\.0 is not trusted: it has no signature$/,
  },
  {
    name: 'that nobody has signed, by its digest',
    put: ({ repository }) => putShellImage(repository),
    isAskedByDigest: true,
    reason: 'UNSIGNED',
    message: /^com\.example\.app@sha256:\w{64} is not trusted: it has no signature$/,
  },
  {
    name: 'signed by a stranger',
    put: ({ repository }) => putSignedShellImage(repository, { key: stranger }),
    reason: 'UNTRUSTED_KEY',
    message: /: it is signed, but by no key that is trusted here$/,
  },
  {
    name: 'signed by a stranger, by its digest',
    put: ({ repository }) => putSignedShellImage(repository, { key: stranger }),
    isAskedByDigest: true,
    reason: 'UNTRUSTED_KEY',
    message: /: it is signed, but by no key that is trusted here$/,
  },
  {
    name: 'signed by somebody who is known, but for other names',
    rules: [aliceRule, testRule('com.example.other', 1, ['bob'])],
    put: ({ repository }) => putSignedShellImage(repository, { key: bob }),
    reason: 'UNTRUSTED_KEY',
    message: /: Bob is not in the rule for com\.example\.\*$/,
  },
  {
    name: 'whose name only begins like one that its signer may sign',
    rules: [testRule('com.example.ap', 1, ['alice'])],
    put: ({ repository }) => putSignedShellImage(repository),
    reason: 'NO_RULE',
    message: /: no rule says who may sign com\.example\.app$/,
  },
  {
    name: 'of a name that is closed',
    rules: [aliceRule, testRule('com.example.app', 1, [])],
    put: ({ repository }) => putSignedShellImage(repository),
    reason: 'RULE_CLOSED',
    message: /: the rule for com\.example\.app lists nobody$/,
  },
  {
    name: 'signed by one of the two who must',
    rules: [testRule('com.example.', 2, ['alice', 'bob', 'carol'])],
    put: ({ repository }) => putSignedShellImage(repository),
    reason: 'TOO_FEW_SIGNERS',
    message: /: it is signed by Alice only, but must be by 2 of alice, bob, carol for com\.example\.\*$/,
  },
  {
    name: 'signed by one of the two who must, twice',
    rules: [testRule('com.example.', 2, ['alice', 'bob'])],
    put: async ({ repository }) => {
      const content = await putSignedShellImage(repository);
      await signShellImage(repository, content, { sequence: 2 });
      return content;
    },
    reason: 'TOO_FEW_SIGNERS',
    message: /: it is signed by Alice only, but must be by 2 of alice, bob for com\.example\.\*$/,
  },
  {
    name: 'signed by the two who must, by one of them for another tag',
    rules: [testRule('com.example.', 2, ['alice', 'bob'])],
    put: async ({ repository }) => {
      const content = await putSignedShellImage(repository);
      await signShellImage(repository, content, { tag: parseTag('2.0') }, bob);
      return content;
    },
    reason: 'TOO_FEW_SIGNERS',
    message: /must be by 2 of alice, bob for com\.example\.\*; Bob signed it as tag 2\.0, not 1\.0$/,
  },
  {
    name: 'signed for another tag',
    put: ({ repository }) => putSignedShellImage(repository, { claim: { tag: parseTag('2.0') } }),
    reason: 'OTHER_TAG',
    message: /: Alice signed it as tag 2\.0, not 1\.0$/,
  },
  {
    name: 'signed without a tag',
    put: ({ repository }) =>
      putSignedShellImage(repository, { claim: { tag: undefined, sequence: undefined } }),
    reason: 'NO_TAG',
    message: /: Alice signed it without naming a tag$/,
  },
  {
    name: 'signed for another repository',
    put: ({ repository }) =>
      putSignedShellImage(repository, { claim: { repository: parseRepositoryName('com.example.other') } }),
    reason: 'OTHER_REPOSITORY',
    message: /: Alice signed it as com\.example\.other, not com\.example\.app$/,
  },
  {
    name: 'signed for another repository, by its digest',
    put: ({ repository }) =>
      putSignedShellImage(repository, { claim: { repository: parseRepositoryName('com.example.other') } }),
    isAskedByDigest: true,
    reason: 'OTHER_REPOSITORY',
    message: /^com\.example\.app@sha256:\w{64} is not trusted: Alice signed it as com\.example\.other/,
  },
  {
    name: 'with the signature of another image',
    put: async ({ repository }) => {
      const other = await putShellImage(repository, { says: 'other', tag: parseTag('2.0') });
      await signShellImage(repository, other);
      const signatures = await repository.getManifest(signatureTag(other.descriptor.digest));
      const content = await putShellImage(repository);
      if (signatures === undefined) throw new TypeError('the other image has no signature');
      await repository.putManifest(signatures, { tag: signatureTag(content.descriptor.digest) });
      return content;
    },
    reason: 'OTHER_DIGEST',
    message: /: Alice signed another image, sha256:\w{64}$/,
  },
  {
    name: 'whose signature has expired',
    put: ({ repository }) =>
      putSignedShellImage(repository, { claim: { issued: at(-7200), expires: at(-1) } }),
    reason: 'EXPIRED',
    message: /: Alice's signature expired at \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/,
  },
  {
    name: 'signed in the future',
    put: ({ repository }) =>
      putSignedShellImage(repository, { claim: { issued: at(86_400), expires: at(172_800) } }),
    reason: 'NOT_YET_VALID',
    message: /: Alice's signature is dated \S+Z, and here it is \S+Z$/,
  },
  {
    name: 'whose signature a registry has changed',
    put: (stage) => changeSignature(stage, (base64) => base64.replace(/^./, (c) => (c === 'A' ? 'B' : 'A'))),
    reason: 'SIGNATURE_INVALID',
    message: /: a signature that names the key of Alice was changed or is not by that key$/,
  },
  {
    name: 'whose signature is none',
    put: (stage) => changeSignature(stage, () => 'no signature!'),
    reason: 'SIGNATURE_MALFORMED',
    message:
      /: what is stored as its signature is malformed: signature should be base64, not "no signature!"$/,
  },
  {
    name: 'that is signed, in an index that is not',
    put: async ({ repository }) => {
      const content = await putSignedShellImage(repository);
      return await putTestIndex(repository, [[hostPlatform(), content]], shellTag);
    },
    reason: 'UNSIGNED',
    message: /: it has no signature$/,
  },
  {
    name: 'that is not signed, out of an index that is',
    put: async ({ repository }) => {
      const content = await putShellImage(repository);
      await signShellImage(repository, await putTestIndex(repository, [[hostPlatform(), content]], shellTag));
      return content;
    },
    isAskedByDigest: true,
    reason: 'UNSIGNED',
    message: /: it has no signature$/,
  },
];

/** Leaves one signature in the registry, in simple signing, and changes it there. */
async function changeSignature(
  { double: { manifests }, repository }: DoubleStage,
  change: (base64: string) => string,
): Promise<ManifestContent> {
  const content = await putSignedShellImage(repository);
  for (const [key, { bytes, mediaType }] of manifests) {
    if (artifactTypeOf(parseManifest(bytes, mediaType)) === bundleMediaType) manifests.delete(key);
  }
  const key = `com.example.app:${signatureTag(content.descriptor.digest)}`;
  const signatures = manifests.get(key);
  if (signatures === undefined) throw new TypeError(`the registry has no ${key}`);
  const text = new TextDecoder().decode(signatures.bytes);
  const changed = text.replace(/(?<="dev\.cosignproject\.cosign\/signature":")[^"]*/, change);
  const bytes = new TextEncoder().encode(changed);
  for (const name of [key, `com.example.app@${digestOf(bytes)}`])
    manifests.set(name, { ...signatures, bytes });
  return content;
}
