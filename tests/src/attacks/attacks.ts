import { writeFile } from 'node:fs/promises';
import { hostPlatform } from '@img/runtime/launch/host-platform';
import { putTestIndex } from '@img/runtime/testing/test-image';
import { testKey } from '@img/sign/testing/test-keys';
import { testDocument, testRule } from '@img/sign/testing/test-policy';
import { encodeTrustDocument } from '@img/sign/trust-document';
import { limits } from '@img/spec/limits';
import { parseRepositoryName } from '@img/spec/repository-name';
import { parseTag } from '@img/spec/tag';
import { putShellImage, putSignedShellImage, shellTag, signShellImage } from '../testing/shell-image.ts';
import { aliceRule } from '../testing/test-host.ts';
import { type Attack, alice, at, bob, day, thief } from './attack.ts';
import { attachOtherPredicate, floodSignatures, replaySignatures } from './replayed-signatures.ts';

const twoOfThree = testRule('com.example.', 2, ['alice', 'bob', 'carol']);
const owned = { says: 'owned' } as const;

export const attacks: readonly Attack[] = [
  {
    name: 'arbitrary image',
    what: 'the registry has an image of its own, which it has signed itself',
    begin: ({ repository }) =>
      putSignedShellImage(repository, { ...owned, key: thief, claim: { sequence: 8 } }),
    reason: 'UNTRUSTED_KEY',
    message: /^it is signed, but by no key that is trusted here$/,
  },
  {
    name: 'wrong repository',
    what: 'the registry has an image of another repository, which Alice signed as that',
    begin: ({ repository }) => {
      const claim = { repository: parseRepositoryName('com.example.other'), sequence: 8 };
      return putSignedShellImage(repository, { ...owned, claim });
    },
    reason: 'OTHER_REPOSITORY',
    message: /^Alice signed it as com\.example\.other, not com\.example\.app$/,
  },
  {
    name: 'wrong tag',
    what: 'the registry has moved the tag to an image that Alice signed as another one',
    begin: ({ repository }) => {
      return putSignedShellImage(repository, { ...owned, claim: { tag: parseTag('nightly'), sequence: 8 } });
    },
    reason: 'OTHER_TAG',
    message: /^Alice signed it as tag nightly, not 1\.0$/,
  },
  {
    name: 'rollback',
    what: 'the registry brings back an older image that Alice signed as the tag',
    begin: ({ repository }) => putSignedShellImage(repository, { ...owned, claim: { sequence: 3 } }),
    reason: 'ROLLBACK',
    message: /^it is number 3, and number 7 \(sha256:\w{64}\) was accepted before$/,
  },
  {
    name: 'freeze',
    what: 'the registry withholds the newer image until the signature of the old one has expired',
    begin: async ({ repository, good }) => {
      await putSignedShellImage(repository, { says: 'newer', claim: { sequence: 8 } });
      await repository.putManifest(good, { tag: shellTag });
    },
    clockSeconds: day,
    reason: 'EXPIRED',
    message: /^Alice's signature expired at \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/,
  },
  {
    name: 'mix and match of signatures',
    what: "the registry shows Alice's signature of an image beside Bob's of another",
    rules: [twoOfThree],
    signers: [alice, bob],
    begin: async (stage) => {
      const { repository } = stage;
      const mixed = await putSignedShellImage(repository, { ...owned, claim: { sequence: 8 } });
      const other = await putShellImage(repository, { says: 'other', tag: parseTag('other') });
      await signShellImage(repository, other, { sequence: 8 }, bob);
      replaySignatures(stage, other, mixed);
    },
    reason: 'TOO_FEW_SIGNERS',
    message: /^it is signed by Alice only, .* for com\.example\.\*; Bob signed another image, sha256:\w{64}$/,
  },
  {
    name: 'mix and match of images',
    what: 'the registry makes an index of images of several releases, and shows signatures of one of them',
    begin: async (stage) => {
      const { repository, good } = stage;
      const older = await putSignedShellImage(repository, { ...owned, claim: { sequence: 3 } });
      const images = [older, good].map((image) => [hostPlatform(), image] as const);
      replaySignatures(stage, good, await putTestIndex(repository, images, shellTag));
    },
    reason: 'OTHER_DIGEST',
    message: /^Alice signed another image, sha256:\w{64}$/,
  },
  {
    name: 'stolen key below the threshold',
    what: 'a thief signs with the key of one of the two who must, with a number that nobody reaches',
    rules: [twoOfThree],
    signers: [alice, bob],
    begin: ({ repository }) => putSignedShellImage(repository, { ...owned, claim: { sequence: 1_000_000 } }),
    reason: 'TOO_FEW_SIGNERS',
    message: /^it is signed by Alice only, but must be by 2 of alice, bob, carol for com\.example\.\*$/,
  },
  {
    name: 'stolen key after revocation',
    what: 'a thief signs with a key that is revoked on the host, and dates it back',
    begin: async ({ repository, host }) => {
      const document = testDocument(aliceRule);
      const revoked = [testKey(alice).publicKey.fingerprint];
      await writeFile(host.trustDocument, encodeTrustDocument({ ...document, revoked }));
      const claim = { sequence: 8, issued: at(-30 * day), expires: at(day) };
      await putSignedShellImage(repository, { ...owned, claim });
    },
    reason: 'KEY_REVOKED',
    message: /^Alice's key is revoked by \S+test\.json$/,
  },
  {
    name: 'wrong clock',
    what: 'the clock of the host is so far behind that the signature seems to come from the future',
    begin: async () => undefined,
    clockSeconds: -day,
    reason: 'NOT_YET_VALID',
    message: /^Alice's signature is dated \S+Z, and here it is \S+Z$/,
  },
  {
    name: 'wrong clock and rollback',
    what: 'the clock of the host is set back, and the registry has an image whose signature held at that time',
    begin: ({ repository }) => {
      const claim = { sequence: 3, issued: at(-3 * day), expires: at(-day) };
      return putSignedShellImage(repository, { ...owned, claim });
    },
    clockSeconds: -2 * day,
    reason: 'ROLLBACK',
    message: /^it is number 3, and number 7 \(sha256:\w{64}\) was accepted before$/,
  },
  {
    name: 'endless signatures',
    what: 'the registry has more signatures of the image than anybody looks at, among which a good one could be',
    begin: async (stage) => {
      const image = await putShellImage(stage.repository, owned);
      await floodSignatures(stage, thief, image, limits.signaturesPerImage + 1);
    },
    reason: 'TOO_MANY_SIGNATURES',
    message: /^there are more signatures than the 64 that are looked at, and none of those counts$/,
  },
  {
    name: 'signature for the index only',
    what: 'the registry answers with an image out of an index, and shows the signatures of the index',
    begin: async (stage) => {
      const image = await putShellImage(stage.repository, owned);
      const index = await putTestIndex(stage.repository, [[hostPlatform(), image]], shellTag);
      await signShellImage(stage.repository, index, { sequence: 8 });
      replaySignatures(stage, index, image);
      await stage.repository.putManifest(image, { tag: shellTag });
    },
    reason: 'OTHER_DIGEST',
    message: /^Alice signed another image, sha256:\w{64}$/,
  },
  {
    name: 'predicate of another type',
    what: "the registry shows Alice's list of what is in an image as her signature of it",
    begin: async (stage) => {
      await attachOtherPredicate(stage, alice, await putShellImage(stage.repository, owned));
    },
    reason: 'OTHER_PREDICATE',
    message: /^what Alice has signed about it is of another kind, and no signature$/,
  },
  {
    name: 'key for a name that begins alike',
    what: 'Alice, who may sign com.example.app, signs com.example.apps',
    rules: [testRule('com.example.app', 1, ['alice'])],
    begin: ({ repositoryOf }) => {
      const claim = { repository: parseRepositoryName('com.example.apps'), sequence: 8 };
      return putSignedShellImage(repositoryOf('com.example.apps'), { ...owned, claim });
    },
    asked: 'com.example.apps:1.0',
    reason: 'NO_RULE',
    message: /^no rule says who may sign com\.example\.apps$/,
  },
];
