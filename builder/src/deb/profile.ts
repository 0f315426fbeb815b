/**
 * Names the rules by which a .deb becomes a layer. The bytes of such a layer are a pure function of the .deb
 * and this name: whoever changes anything below, in recipes.ts, in the tar writer or in the compressor's
 * settings so that other bytes come out gives it a new number.
 */
export const profile = 'debian-layer/2';

/**
 * Folders that are links into /usr on every Debian system since bookworm. Packages still name them (in
 * bookworm) as if they were folders of their own, so their content moves to where it has always ended up.
 */
export const mergedFolders: ReadonlySet<string> = new Set(['bin', 'sbin', 'lib', 'lib64']);

/** What no program reads. Licences (`copyright`) stay: they must go with what they cover. */
const droppedFolders = [
  'usr/share/man',
  'usr/share/info',
  'usr/share/locale',
  'usr/share/lintian',
  'usr/share/doc-base',
];

const documentation = 'usr/share/doc/';

/** Whether a path is left out of the layer. */
export function isDropped(path: string): boolean {
  if (path.startsWith(documentation)) {
    const [, ...inPackage] = path.slice(documentation.length).split('/');
    // The folder of a package, or the link that stands for it, and the licence in it.
    return inPackage.length > 0 && (inPackage.length > 1 || inPackage[0] !== 'copyright');
  }
  return droppedFolders.some((folder) => path === folder || path.startsWith(`${folder}/`));
}
