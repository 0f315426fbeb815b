import { Buffer } from 'node:buffer';
import { fileEntry, mergedPath, type PackageEntry } from './package-entry.ts';

const statusFolder = 'var/lib/dpkg/status.d';

/**
 * What tells vulnerability scanners that a package is installed: its control stanza and the checksums of its
 * files, as distroless images have them. (There is no /var/lib/dpkg/status, because layers can't add to one
 * file, and no dpkg that would need it.)
 *
 * @param control the text of the package's control file
 * @param checksums the text of its md5sums file, if it has one
 */
export function scannerEntries(
  name: string,
  control: string,
  checksums: string | undefined,
  entries: ReadonlyMap<string, PackageEntry>,
): readonly PackageEntry[] {
  const status = control.trim().replace(/^(Package:.*)$/im, '$1\nStatus: install ok installed');
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
