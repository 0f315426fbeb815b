import { command } from './command.ts';
import type { Missing } from './missing.ts';
import { say } from './say.ts';

/** What the tests of all packages use, and what for. */
const packages: readonly (readonly [name: string, use: string])[] = [
  ['runc', 'runs containers'],
  ['crun', 'runs containers'],
  ['systemd-container', 'runs containers'],
  ['conmon', 'holds the output of detached containers'],
  ['containernetworking-plugins', 'connects containers with networks'],
  ['iptables', 'leads ports of the host to containers'],
  ['iproute2', 'shows and makes network interfaces'],
  ['busybox-static', 'is in the images of tests'],
  ['skopeo', 'copies and inspects images'],
  ['umoci', 'unpacks images'],
  ['buildah', 'builds and runs images'],
  ['podman', 'runs images'],
  ['systemd', 'runs installed apps in hosts that tests boot'],
  ['mmdebstrap', 'makes the base image that benchmarks give to buildah'],
  ['postgresql', 'keeps the metadata of registries'],
  ['chromium', 'looks at the pages of registries'],
  ['openssl', 'verifies signatures'],
  ['openssh-client', 'names keys'],
  ['gnupg', 'signs archives of packages'],
  ['gpgv', 'verifies signatures of archives'],
  ['dpkg', 'reads packages'],
  ['curl', 'is a program that needs many libraries'],
  ['git', 'says of what commit a folder is'],
  ['binutils', 'reads packages with ar'],
  ['libarchive-tools', 'reads archives with bsdtar'],
  ['tar', 'reads and writes archives'],
  ['xz-utils', 'compresses'],
  ['zstd', 'compresses'],
  ['python3', 'reads archives and walks trees'],
  ['python3-venv', 'holds the validator of SPDX documents'],
  ['diffutils', 'compares trees'],
  ['util-linux', 'makes namespaces'],
  ['uidmap', 'gives users other than root the users of their namespaces'],
  ['slirp4netns', 'connects containers of users other than root with networks'],
  ['gcc', 'compiles what calls the kernel in other ways'],
  ['libc6-dev', 'is what gcc needs'],
  ['linux-libc-dev', "has the kernel's numbers"],
];

/** Installs those Debian packages that are not there. */
export async function installDebianPackages(): Promise<readonly Missing[]> {
  const names = packages.map(([name]) => name);
  const absent = await absentPackages(names);
  if (absent === undefined) return refuse(names, 'this is no Debian system; install it in its own way');
  if (absent.length === 0) {
    say('all Debian packages are there');
    return [];
  }
  if (process.geteuid?.() !== 0) return refuse(absent, `needs root: apt-get install ${absent.join(' ')}`);
  say('installing Debian packages:');
  for (const [name, use] of packages) if (absent.includes(name)) say(`  ${name} ${use}`);
  const environment = { DEBIAN_FRONTEND: 'noninteractive' };
  const options = ['-qq', '-o', 'DPkg::Lock::Timeout=600'];
  const updated = await command('apt-get', [...options, 'update'], environment);
  // Without fresh lists the packages may be installed all the same.
  if (!updated.isDone) say(`apt-get update failed: ${updated.reason}`);
  const install = ['install', '--yes', '--no-install-recommends', ...absent];
  const installed = await command('apt-get', [...options, ...install], environment);
  return installed.isDone ? [] : refuse(absent, installed.reason);
}

/** Undefined where there is no dpkg. */
async function absentPackages(names: readonly string[]): Promise<readonly string[] | undefined> {
  // dpkg-query fails for what it never heard of, so it lists everything.
  const result = await command('dpkg-query', ['-W', '-f', `\${Package} \${db:Status-Status}\\n`]);
  if (!result.isDone) return undefined;
  const present = new Set(result.stdout.split('\n'));
  return names.filter((name) => !present.has(`${name} installed`));
}

function refuse(names: readonly string[], reason: string): readonly Missing[] {
  return names.map((name) => ({ name, reason, isRequired: true }));
}
