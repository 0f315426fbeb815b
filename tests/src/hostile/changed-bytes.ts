import type { RefusalCode } from '@img/sign/decision';

/** A byte of what a host keeps, and how the next start of an image that rests on it ends. */
export type ChangedByte = {
  readonly what: string;
  /** Of its file, below the host's folder, with IMAGE in the place of the hex of the image's digest. */
  readonly path: RegExp;
  /** What is in the file, where the path alone doesn't tell it from others. */
  readonly content?: RegExp;
  /** Where the byte is: at the beginning of the match; in the middle of the file unless given. */
  readonly at?: RegExp;
  /** Those in which the file is looked at; all unless given. */
  readonly ways?: readonly string[];
  readonly code: string;
  /** Of an image that is not trusted. */
  readonly reason?: RefusalCode;
  readonly exitCode: 2 | 3;
  readonly why: string;
};

const damaged = { code: 'IMAGE_DAMAGED', exitCode: 3 } as const;
const blob = /^root\/blobs\/sha256\/\w{64}$/;
const trustDocument = /^config\/trust\.d\/test\.json$/;
const byTag = ['by its tag', 'out of an index'];

// 3 where what was signed or accepted is not what is there now, 2 where a file that people write can't be read.
export const changedBytes: readonly ChangedByte[] = [
  {
    what: 'the manifest',
    path: /^root\/blobs\/sha256\/IMAGE$/,
    ...damaged,
    why: 'the digest that was signed is that of other bytes',
  },
  {
    what: 'the index',
    path: blob,
    content: /"manifests":/,
    ways: ['out of an index'],
    ...damaged,
    why: 'the digest that was signed is that of other bytes',
  },
  {
    what: 'the config',
    path: blob,
    content: /"Entrypoint":/,
    ...damaged,
    why: 'the manifest has the digest of other bytes',
  },
  {
    what: 'the manifest of the simple signatures',
    path: blob,
    content: /"schemaVersion".*vnd\.dev\.cosign\.simplesigning/,
    ...damaged,
    why: 'somebody writes to the store, though the other signature would do',
  },
  {
    what: 'the payload of a simple signature',
    path: blob,
    content: /^\{"critical":/,
    ...damaged,
    why: 'the manifest of the signatures has the digest of other bytes',
  },
  {
    what: 'the manifest of a bundle',
    path: blob,
    content: /"schemaVersion".*"subject":/,
    ...damaged,
    why: 'its entry has the digest of other bytes',
  },
  {
    what: 'a bundle',
    path: blob,
    content: /^\{"mediaType":"application\/vnd\.dev\.sigstore\.bundle/,
    ...damaged,
    why: 'its manifest has the digest of other bytes',
  },
  {
    what: 'the archive of a layer',
    path: /^root\/layers\/.*\.tar$/,
    ...damaged,
    why: 'the config has the digest of other bytes',
  },
  {
    what: 'the index of a layer',
    path: /^root\/layers\/.*\.index$/,
    ...damaged,
    why: 'the archive makes another index',
  },
  {
    what: 'the tree of the image',
    path: /^root\/trees\//,
    ...damaged,
    why: 'the layers make another tree',
  },
  ...entries('the entry of the tag', /^root\/refs\/.*\/tags\/1\.0$/, byTag),
  ...entries('the entry of the simple signatures', /^root\/refs\/.*\/tags\/sha256-\w+\.sig$/),
  {
    what: 'the digest in the entry of a bundle',
    path: /^root\/refs\/.*\/referrers\//,
    at: /\w{10}","size"/,
    ...damaged,
    why: 'its name has another digest',
  },
  {
    what: 'the digest in the entry of the manifest',
    path: /^root\/refs\/.*\/manifests\/sha256-IMAGE$/,
    at: /\w{10}","size"/,
    ways: ['by its digest', 'out of an index'],
    ...damaged,
    why: 'its name has another digest',
  },
  {
    what: 'the digest that was accepted last',
    path: /^root\/trust\//,
    at: /\w{10}","check"/,
    ways: byTag,
    code: 'TRUST_MEMORY_INVALID',
    exitCode: 3,
    why: 'nobody has accepted another image under the number',
  },
  {
    what: 'the memory of what was accepted last',
    path: /^root\/trust\//,
    at: /"repository"/,
    ways: byTag,
    code: 'TRUST_MEMORY_INVALID',
    exitCode: 3,
    why: 'an older image might be accepted again',
  },
  {
    what: 'the prefix of the rule',
    path: trustDocument,
    at: /com\.example\./,
    code: 'NOT_TRUSTED',
    reason: 'NO_RULE',
    exitCode: 3,
    why: 'it is a rule for other names',
  },
  {
    what: 'the name of somebody in the rule',
    path: trustDocument,
    at: /lice"\s*\]/,
    code: 'POLICY_INVALID',
    exitCode: 2,
    why: 'nobody is called so',
  },
  {
    what: 'the key of the signer',
    path: trustDocument,
    at: /.{10}"\s+\]\s+\},\s+\{\s+"id": "bob"/,
    code: 'TRUST_POLICY_INVALID',
    exitCode: 2,
    why: 'most numbers are no key',
  },
  {
    what: 'the beginning of the trust document',
    path: trustDocument,
    at: /^\{/,
    code: 'TRUST_POLICY_INVALID',
    exitCode: 2,
    why: 'it is no JSON',
  },
];

/** What an entry under a tag says, one after the other. */
function entries(what: string, path: RegExp, ways?: readonly string[]): readonly ChangedByte[] {
  const row = { path, ...(ways && { ways }), ...damaged };
  return [
    { what: `the digest in ${what}`, at: /\w{10}","size"/, ...row, why: 'no such manifest is there' },
    { what: `the size in ${what}`, at: /\d+\}/, ...row, why: 'the manifest has another one' },
    {
      what: `the type in ${what}`,
      at: /vnd\.oci/,
      ...row,
      why: 'the manifest says of itself that it is another',
    },
    { what: `the beginning of ${what}`, at: /^\{/, ...row, why: 'it is no JSON' },
  ];
}
