import { readdirSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { RefusalCode } from '@img/sign/decision';
import { testKey } from '@img/sign/testing/test-keys';
import { testDocument, testIdentity, testRule } from '@img/sign/testing/test-policy';
import { encodeTrustDocument } from '@img/sign/trust-document';
import type { DoubleStage } from '../testing/double-stage.ts';
import { putShellImage, putSignedShellImage } from '../testing/shell-image.ts';
import { aliceRule, writeRules } from '../testing/test-host.ts';

/** What happens on a host, or in its registry, after the image has run there. */
export type TrustChange = {
  readonly name: string;
  readonly change: (stage: DoubleStage) => Promise<unknown>;
  /** Further words of the command. */
  readonly options?: readonly string[];
  readonly reason: RefusalCode;
  readonly message: RegExp;
};

export const trustChanges: readonly TrustChange[] = [
  {
    name: 'the rule is removed',
    change: async ({ host }) => writeRules(host.trustDocument, []),
    reason: 'NO_RULE',
    message: /: no rule says who may sign com\.example\.app$/,
  },
  {
    name: 'the whole trust document is removed',
    change: async ({ host }) => rmSync(host.trustDocument),
    reason: 'NO_RULE',
    message: /: no rule says who may sign com\.example\.app$/,
  },
  {
    name: 'the key is removed, and its owner has another',
    change: async ({ host }) => {
      const identity = { ...testIdentity('alice'), keys: [testKey(5).publicKey] };
      const document = { identities: [identity], rules: [aliceRule] };
      await writeFile(host.trustDocument, encodeTrustDocument(document));
    },
    reason: 'UNTRUSTED_KEY',
    message: /: it is signed, but by no key that is trusted here$/,
  },
  {
    name: 'the signer is taken out of the rule',
    change: async ({ host }) => writeRules(host.trustDocument, [testRule('com.example.', 1, ['bob'])]),
    reason: 'UNTRUSTED_KEY',
    message: /: Alice is not in the rule for com\.example\.\*$/,
  },
  {
    name: 'a narrower rule asks for somebody else, in a document of its own',
    change: async ({ host }) => {
      const document = testDocument(testRule('com.example.app', 1, ['bob']));
      await writeFile(join(host.trustDocument, '../vendor.json'), encodeTrustDocument(document));
    },
    reason: 'UNTRUSTED_KEY',
    message: /: Alice is not in the rule for com\.example\.app$/,
  },
  {
    name: 'two must sign from now on',
    change: async ({ host }) =>
      writeRules(host.trustDocument, [testRule('com.example.', 2, ['alice', 'bob'])]),
    reason: 'TOO_FEW_SIGNERS',
    message: /: it is signed by Alice only, but must be by 2 of alice, bob for com\.example\.\*$/,
  },
  {
    name: 'the signatures are taken away from the host',
    change: async ({ host }) => {
      const refs = join(host.root, 'refs');
      for (const path of readdirSync(refs, { recursive: true, encoding: 'utf8' })) {
        if (/\.sig$|\/referrers$/.test(path)) rmSync(join(refs, path), { recursive: true });
      }
    },
    reason: 'UNSIGNED',
    message: /: it has no signature$/,
  },
  {
    name: 'the registry brings back an older image that was signed for the tag',
    change: ({ repository }) => putSignedShellImage(repository, { says: 'older', claim: { sequence: 3 } }),
    options: ['--pull', 'always'],
    reason: 'ROLLBACK',
    message: /: it is number 3, and number 7 \(sha256:\w{64}\) was accepted before$/,
  },
  {
    name: 'the registry has another image under the number that was accepted',
    change: ({ repository }) => putSignedShellImage(repository, { says: 'other', claim: { sequence: 7 } }),
    options: ['--pull', 'always'],
    reason: 'SEQUENCE_REUSED',
    message: /: it is number 7 too, and number 7 \(sha256:\w{64}\) was accepted before$/,
  },
  {
    name: 'the registry has an image for the tag that nobody signed',
    change: ({ repository }) => putShellImage(repository, { says: 'unsigned' }),
    options: ['--pull', 'always'],
    reason: 'UNSIGNED',
    message: /: it has no signature$/,
  },
];
