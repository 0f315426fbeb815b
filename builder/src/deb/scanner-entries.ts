import { Buffer } from 'node:buffer';
import type { DebianPackage } from '../debian/package.ts';
import { fileEntry, mergedPath, type PackageEntry } from './package-entry.ts';

/** The field of a status entry that says which part of the package is there. */
export const partField = 'Img-Part';

const statusFolder = 'var/lib/dpkg/status.d';

/**
 * What tells vulnerability scanners that a package is installed: its control stanza and the checksums of its
 * files, as distroless images have them. (There is no /var/lib/dpkg/status, because layers can't add to one
 * file, and no dpkg that would need it.)
 *
 * Of a package that is there in part its stanza says which part.
 *
 * @param control the text of the package's control file
 * @param checksums the text of its md5sums file, if it has one
 */
export function scannerEntries(
  { name, slice }: Pick<DebianPackage, 'name' | 'slice'>,
  control: string,
  checksums: string | undefined,
  entries: ReadonlyMap<string, PackageEntry>,
): readonly PackageEntry[] {
  const part = slice === undefined ? '' : `\n${partField}: ${slice}`;
  const status = control.trim().replace(/^(Package:.*)$/im, `$1\nStatus: install ok installed${part}`);
  const result = [fileEntry(`${statusFolder}/${name}`, Buffer.from(`${status}\n`))];
  const kept = (checksums ?? '').split('\n').flatMap((line) => {
    const match = /^([0-9a-f]{32}) {2}(.+)$/.exec(line);
    const path = mergedPath(match?.[2] ?? '');
    // Files that were left out are not there to be checked.
    return match !== null && entries.get(path)?.entry.type === 'file' ? [`${match[1]}  ${path}\n`] : [];
  });
  if (kept.length > 0) result.push(fileEntry(`${statusFolder}/${name}.md5sums`, Buffer.from(kept.join(''))));
  return result;
}
