/** What somebody does to a file of a host. */
export type Tampering = 'flip' | 'truncate' | 'replace' | 'remove' | 'open';

/**
 * How the next start ends: with the code of a refusal, or `same`, with exactly what it would have started before. Several
 * where that depends on what is in the file.
 */
export type Outcome = string | readonly string[];

/** A kind of file that a host keeps. */
export type KeptFile = {
  readonly what: string;
  /** Of the file, below the host's folder, with HEX in the place of each digest and NUMBER of each other id. */
  readonly path: RegExp;
  /** What is in the file, where the path alone doesn't tell it from others. */
  readonly content?: RegExp;
  /** Who reads it: a start of the image, one that has its tree as a folder, or one of the installed app. */
  readonly reader: 'image' | 'checkout' | 'app';
  readonly outcomes: { readonly [tampering in Tampering]: Outcome };
  readonly why: string;
};

const damaged = outcomes('IMAGE_DAMAGED');
const without = outcomes('same');
const blob = /^root\/blobs\/sha256\/HEX$/;
const entry = (rest: string) => new RegExp(`^root/refs/[^/]+/${rest}$`);
const container = (name: string) => new RegExp(`^run/containers/NUMBER/${name}$`);

export const keptFiles: readonly KeptFile[] = [
  {
    what: 'the index',
    path: blob,
    content: /"manifests":/,
    reader: 'image',
    outcomes: damaged,
    why: 'the digest that was signed is that of other bytes',
  },
  {
    what: 'the config',
    path: blob,
    content: /"Entrypoint":/,
    reader: 'image',
    outcomes: damaged,
    why: 'the manifest has the digest of other bytes',
  },
  {
    what: 'the manifest of the simple signatures',
    path: blob,
    content: /"schemaVersion".*vnd\.dev\.cosign\.simplesigning/,
    reader: 'image',
    outcomes: damaged,
    why: 'somebody writes to the store, though the other signature would do',
  },
  {
    what: 'the payload of a simple signature',
    path: blob,
    content: /^\{"critical":/,
    reader: 'image',
    outcomes: { ...damaged, remove: 'same' },
    why: 'the manifest of the signatures has the digest of other bytes; without it, the other signature does',
  },
  {
    what: 'the manifest of a bundle',
    path: blob,
    content: /"schemaVersion".*"subject":/,
    reader: 'image',
    outcomes: { ...damaged, remove: 'same' },
    why: 'its entry has the digest of other bytes; without it, the other signature does',
  },
  {
    what: 'a bundle',
    path: blob,
    content: /^\{"mediaType":"application\/vnd\.dev\.sigstore\.bundle/,
    reader: 'image',
    outcomes: { ...damaged, remove: 'same' },
    why: 'its manifest has the digest of other bytes; without it, the other signature does',
  },
  {
    what: 'the manifest of the image',
    path: blob,
    content: /"schemaVersion".*"layers":/,
    reader: 'image',
    outcomes: { ...damaged, remove: 'IMAGE_MISSING' },
    why: 'the index has the digest of other bytes',
  },
  {
    what: 'the config of signatures, which says nothing',
    path: blob,
    reader: 'image',
    outcomes: without,
    why: 'nobody reads it',
  },
  {
    what: 'the archive of a layer',
    path: /^root\/layers\/sha256-HEX\.tar$/,
    reader: 'image',
    outcomes: { ...damaged, remove: 'LAYER_MISSING' },
    why: 'the config has the digest of other bytes',
  },
  {
    what: 'the index of a layer',
    path: /^root\/layers\/sha256-HEX\.index$/,
    reader: 'image',
    outcomes: { ...damaged, remove: 'LAYER_MISSING' },
    why: 'the archive makes another index',
  },
  {
    what: 'the tree of the image',
    path: /^root\/trees\/sha256-HEX\.erofs$/,
    reader: 'image',
    outcomes: { ...damaged, remove: 'same' },
    why: 'the layers make another tree, or this one again',
  },
  {
    what: 'a file of a tree that is a folder',
    path: /^root\/checkouts\//,
    reader: 'checkout',
    outcomes: { ...damaged, open: 'IMAGE_DAMAGED' },
    why: 'it is compared with the layers, in every attribute',
  },
  {
    what: 'the entry of the tag',
    path: entry('tags/1\\.0'),
    reader: 'image',
    outcomes: { ...damaged, remove: 'IMAGE_MISSING' },
    why: 'it leads to nothing that is there',
  },
  {
    what: 'the entry of the simple signatures',
    path: entry('tags/sha256-HEX\\.sig'),
    reader: 'image',
    outcomes: { ...damaged, remove: 'same' },
    why: 'it leads to nothing that is there; without it, the other signature does',
  },
  {
    what: 'the entry of a bundle',
    path: entry('referrers/sha256-HEX/sha256-HEX'),
    reader: 'image',
    outcomes: { ...damaged, flip: ['same', 'IMAGE_DAMAGED'], remove: 'same' },
    why: 'its name has another digest; nobody reads its annotations; without it, the other signature does',
  },
  {
    what: 'the entry of a manifest',
    path: entry('manifests/sha256-HEX'),
    reader: 'image',
    outcomes: { ...outcomes(['same', 'IMAGE_DAMAGED']), remove: ['same', 'IMAGE_MISSING'] },
    why: 'its name has another digest; what a tag leads to is not looked for by its digest',
  },
  {
    what: 'the lock of a repository',
    path: entry('lock'),
    reader: 'image',
    outcomes: without,
    why: 'only who holds it counts',
  },
  {
    what: 'the memory of what was accepted last',
    path: /^root\/trust\/HEX\/NUMBER$/,
    reader: 'image',
    outcomes: { ...outcomes('TRUST_MEMORY_INVALID'), remove: 'same' },
    why: 'an older image might be accepted again',
  },
  {
    what: 'a trust document',
    path: /^config\/trust\.d\/test\.json$/,
    reader: 'image',
    outcomes: { ...outcomes('TRUST_POLICY_INVALID'), remove: 'NOT_TRUSTED', open: 'TRUST_POLICY_INVALID' },
    why: 'whoever can write it decides what runs',
  },
  {
    what: 'the state of an app',
    path: /^root\/apps\/web\/state\.json$/,
    reader: 'app',
    outcomes: { ...outcomes('STATE_INVALID'), remove: 'APP_UNKNOWN' },
    why: 'another generation might be started',
  },
  {
    what: 'a generation of an app',
    path: /^root\/apps\/web\/generations\/1\.json$/,
    reader: 'app',
    outcomes: { ...outcomes('STATE_INVALID'), remove: 'GENERATION_UNKNOWN' },
    why: 'the app might be started in another way',
  },
  {
    what: 'the stamp of something that was checked',
    path: /^run\/stamps\/(?:checkout|layer|tree)-sha256-HEX\.json$/,
    reader: 'checkout',
    outcomes: without,
    why: 'it is checked again',
  },
  {
    what: 'what else is known of a container',
    path: container('(?:exit|log|pid|process\\.json|settings\\.json)'),
    reader: 'image',
    outcomes: without,
    why: 'it is about what runs already',
  },
  {
    what: "a runtime's own state",
    path: /^run\/runtimes\/(?:crun\/NUMBER\/(?:config\.json|seccomp\.bpf|status)|runc\/NUMBER\/state\.json)$/,
    reader: 'image',
    outcomes: without,
    why: 'it is about what runs already',
  },
  {
    what: 'the record of a container',
    path: container('record\\.json'),
    reader: 'image',
    outcomes: without,
    why: 'it is about what runs already',
  },
];

/** The same for every tampering with the content; who may read or write a file says nothing of what is in it. */
function outcomes(outcome: Outcome, others: Partial<KeptFile['outcomes']> = {}): KeptFile['outcomes'] {
  return { flip: outcome, truncate: outcome, replace: outcome, remove: outcome, open: 'same', ...others };
}
