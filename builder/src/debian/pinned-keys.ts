import { readFile } from 'node:fs/promises';
import type { ArchiveKey } from './archive-key.ts';

/** What a key is made for; its signature counts for nothing else. */
type KeyPurpose = 'archive' | 'security' | 'release' | 'ubuntu';

type PinnedKey = {
  readonly file: string;
  readonly name: string;
  readonly fingerprint: string;
  readonly purpose: KeyPurpose;
  /** Codename of the release whose key it is; Ubuntu's are for all of them. */
  readonly codename?: string;
};

// As in Debian's packages debian-archive-keyring 2023.3+deb12u2 and ubuntu-keyring 2023.11.28.1-0.2.
const pinnedKeys: readonly PinnedKey[] = [
  {
    file: 'debian-archive-bookworm-automatic.asc',
    name: 'Debian Archive Automatic Signing Key (12/bookworm)',
    fingerprint: 'B8B80B5B623EAB6AD8775C45B7C5D7D6350947F8',
    purpose: 'archive',
    codename: 'bookworm',
  },
  {
    file: 'debian-archive-bookworm-security-automatic.asc',
    name: 'Debian Security Archive Automatic Signing Key (12/bookworm)',
    fingerprint: '05AB90340C0C5E797F44A8C8254CF3B5AEC0A8F0',
    purpose: 'security',
    codename: 'bookworm',
  },
  {
    file: 'debian-archive-bookworm-stable.asc',
    name: 'Debian Stable Release Key (12/bookworm)',
    fingerprint: '4D64FEC119C2029067D6E791F8D2585B8783D481',
    purpose: 'release',
    codename: 'bookworm',
  },
  {
    file: 'debian-archive-trixie-automatic.asc',
    name: 'Debian Archive Automatic Signing Key (13/trixie)',
    fingerprint: '04B54C3CDCA79751B16BC6B5225629DF75B188BD',
    purpose: 'archive',
    codename: 'trixie',
  },
  {
    file: 'debian-archive-trixie-security-automatic.asc',
    name: 'Debian Security Archive Automatic Signing Key (13/trixie)',
    fingerprint: '5E04A1E3223A19A20706E20F9904613D4CCE68C6',
    purpose: 'security',
    codename: 'trixie',
  },
  {
    file: 'debian-archive-trixie-stable.asc',
    name: 'Debian Stable Release Key (13/trixie)',
    fingerprint: '41587F7DB8C774BCCF131416762F67A0B2C39DE4',
    purpose: 'release',
    codename: 'trixie',
  },
  {
    file: 'ubuntu-archive-2018.asc',
    name: 'Ubuntu Archive Automatic Signing Key (2018)',
    fingerprint: 'F6ECB3762474EDA9D21B7022871920D1991BC93C',
    purpose: 'ubuntu',
  },
];

/**
 * The keys that sign the main archive of a Debian release: the automatic keys of this release and its
 * neighbours, and its own release key.
 */
export function mainArchiveKeys(codename: string): Promise<readonly ArchiveKey[]> {
  return load(
    pinnedKeys.filter(
      (key) => key.purpose === 'archive' || (key.purpose === 'release' && key.codename === codename),
    ),
  );
}

/** The keys that sign Debian's security archive. */
export function securityArchiveKeys(): Promise<readonly ArchiveKey[]> {
  return load(pinnedKeys.filter((key) => key.purpose === 'security'));
}

/** The keys that sign all of Ubuntu's archive. */
export function ubuntuArchiveKeys(): Promise<readonly ArchiveKey[]> {
  return load(pinnedKeys.filter((key) => key.purpose === 'ubuntu'));
}

function load(keys: readonly PinnedKey[]): Promise<readonly ArchiveKey[]> {
  return Promise.all(
    keys.map(async ({ file, name, fingerprint }) => {
      const armored = await readFile(new URL(`../../keys/${file}`, import.meta.url), 'utf8');
      return { name, fingerprint, armored };
    }),
  );
}
