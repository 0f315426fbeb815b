import { isTag } from '@img/spec/tag';

/** What stands for an image that Dockerfiles are built upon. */
export type BaseImage = {
  /** What follows `os:`; undefined with `from`. */
  readonly os?: string;
  /** The image itself, where nothing else would do. */
  readonly from?: string;
  readonly packages?: readonly string[];
  readonly language?: string;
  readonly cmd?: readonly string[];
  readonly user?: string;
  readonly stop?: string;
  readonly ports?: readonly string[];
  /** What is different from the image that was asked for. */
  readonly difference?: string;
  /** What to do about that, if not to take that image. */
  readonly advice?: string;
};

type Written = { readonly version: string; readonly tag: string };

/** A Debian release and the version of a language that it has. */
type Offer = { readonly os: string; readonly version: string; readonly packages: readonly string[] };

const trixie = 'debian:13';
const bookworm = 'debian:12';
const certificates = 'ca-certificates';

const pythons: readonly Offer[] = [
  { os: trixie, version: '3.13', packages: [certificates, 'python3'] },
  { os: 'ubuntu:24.04', version: '3.12', packages: [certificates, 'python3'] },
  { os: bookworm, version: '3.11', packages: [certificates, 'python3'] },
  { os: 'ubuntu:22.04', version: '3.10', packages: [certificates, 'python3'] },
];
const nodes: readonly Offer[] = [
  { os: trixie, version: '20', packages: [certificates, 'nodejs'] },
  { os: bookworm, version: '18', packages: [certificates, 'nodejs'] },
];
const javas: readonly Offer[] = [
  { os: trixie, version: '21', packages: [certificates, 'openjdk-21-jre-headless'] },
  { os: trixie, version: '25', packages: [certificates, 'openjdk-25-jre-headless'] },
  { os: bookworm, version: '17', packages: [certificates, 'openjdk-17-jre-headless'] },
];
const rubies: readonly Offer[] = [
  { os: trixie, version: '3.3', packages: [certificates, 'ruby'] },
  { os: bookworm, version: '3.1', packages: [certificates, 'ruby'] },
];
const phps: readonly Offer[] = [
  { os: trixie, version: '8.4', packages: [certificates, 'php-cli'] },
  { os: bookworm, version: '8.2', packages: [certificates, 'php-cli'] },
];

/** By the name of an official image. */
const official: { readonly [name: string]: (written: Written) => BaseImage } = {
  debian: ({ tag }) => system(debianOf(tag), tag),
  'buildpack-deps': ({ tag }) => system(debianOf(tag), tag),
  ubuntu: ({ tag }) => system(ubuntuOf(tag), tag),
  alpine: ({ tag }) => ({
    os: trixie,
    difference: `Debian 13 stands for alpine:${tag}, so packages may have other names and versions`,
  }),
  scratch: () => ({ os: 'scratch' }),
  python: (written) => offered('python', 'Python', pythons, written),
  node: (written) => offered('node', 'Node', nodes, written),
  openjdk: (written) => offered('java', 'Java', javas, written),
  'eclipse-temurin': (written) => offered('java', 'Java', javas, written),
  amazoncorretto: (written) => offered('java', 'Java', javas, written),
  ruby: (written) => offered('ruby', 'Ruby', rubies, written),
  php: (written) => offered('php', 'PHP', phps, written),
  golang: () => ({ os: 'scratch', packages: [certificates, 'tzdata'], language: 'go' }),
  nginx: () => ({
    os: trixie,
    packages: ['nginx'],
    language: 'nginx',
    cmd: ['nginx', '-g', 'daemon off;'],
    stop: 'SIGQUIT',
    ports: ['80'],
    difference: "Debian's nginx stands for it, and keeps its logs and what it buffers in files",
    advice: 'give it folders for them: img run --tmpfs /var/log/nginx --tmpfs /var/lib/nginx',
  }),
  httpd: () => ({
    os: trixie,
    packages: ['apache2'],
    language: 'httpd',
    cmd: ['apache2ctl', '-D', 'FOREGROUND'],
    stop: 'SIGWINCH',
    ports: ['80'],
    difference: "Debian's apache2 stands for httpd: its configuration is below /etc/apache2",
  }),
  redis: () => ({
    os: trixie,
    packages: ['redis-server'],
    cmd: ['redis-server', '--protected-mode', 'no'],
    ports: ['6379'],
  }),
  memcached: () => ({ os: trixie, packages: ['memcached'], cmd: ['memcached'], ports: ['11211'] }),
};

/** By the name below gcr.io/distroless, without the release of Debian. */
const distroless: { readonly [name: string]: BaseImage } = {
  static: { os: 'scratch', packages: [certificates, 'tzdata'] },
  base: { os: trixie, packages: [certificates, 'libssl3t64', 'tzdata'] },
  'base-nossl': { os: trixie, packages: [certificates, 'libc6', 'tzdata'] },
  cc: { os: trixie, packages: [certificates, 'libssl3t64', 'libstdc++6', 'tzdata'] },
  python3: { os: trixie, packages: [certificates, 'python3'], language: 'python' },
  java: { os: trixie, packages: [certificates, 'openjdk-21-jre-headless'], language: 'java' },
  java17: { os: bookworm, packages: [certificates, 'openjdk-17-jre-headless'], language: 'java' },
  java21: { os: trixie, packages: [certificates, 'openjdk-21-jre-headless'], language: 'java' },
  nodejs: { os: trixie, packages: [certificates, 'nodejs'], language: 'node' },
  nodejs18: { os: bookworm, packages: [certificates, 'nodejs'], language: 'node' },
  nodejs20: { os: trixie, packages: [certificates, 'nodejs'], language: 'node' },
};

/** What stands for the image that FROM names; the image itself if nothing is known that does. */
export function baseImageOf(image: string): BaseImage {
  const [, name = '', tag = 'latest'] = /^([^@]*?)(?::([^/:@]+))?(?:@.*)?$/.exec(image) ?? [];
  const short = name
    .replace(/^(?:(?:index\.)?docker\.io|mirror\.gcr\.io|public\.ecr\.aws\/docker)\//, '')
    .replace(/^library\//, '');
  const small = /^gcr\.io\/distroless\/([a-z0-9-]+?)(?:-debian\d+)?$/.exec(short)?.[1] ?? '';
  if (Object.hasOwn(distroless, small)) {
    const user = /nonroot/.test(tag) ? { user: '65532:65532' } : {};
    return { ...distroless[small], ...user };
  }
  if (Object.hasOwn(official, short)) {
    const version = /^v?(\d+(?:\.\d+)*)/.exec(tag)?.[1] ?? '';
    const found = official[short]?.({ version, tag });
    if (found !== undefined) return found;
  }
  return { from: fullName(image) };
}

/** The name with the registry that other tools take for granted. */
function fullName(image: string): string {
  const [first = '', ...rest] = image.split('/');
  const hasRegistry = rest.length > 0 && (/[.:]/.test(first) || first === 'localhost');
  if (hasRegistry) return image;
  return `docker.io/${rest.length === 0 ? `library/${image}` : image}`;
}

function system(os: string | undefined, tag: string): BaseImage {
  if (os !== undefined) return { os };
  return {
    os: trixie,
    difference: `Debian 13 stands for the release ${isTag(tag) ? tag : ''}, which img has no keys for`,
  };
}

function debianOf(tag: string): string | undefined {
  if (/^(?:13|trixie|stable|latest)(?![a-z])/.test(tag)) return trixie;
  return /^(?:12|bookworm|oldstable)(?![a-z])/.test(tag) ? bookworm : undefined;
}

function ubuntuOf(tag: string): string | undefined {
  if (/^(?:24\.04|noble|latest)(?![a-z])/.test(tag)) return 'ubuntu:24.04';
  return /^(?:22\.04|jammy)(?![a-z])/.test(tag) ? 'ubuntu:22.04' : undefined;
}

/** The release that has the version, or the nearest that there is. */
function offered(language: string, title: string, offers: readonly Offer[], written: Written): BaseImage {
  const { version } = written;
  const found = offers.find((offer) => version === offer.version || version.startsWith(`${offer.version}.`));
  const isOpen = version === '' || offers.some((offer) => offer.version.startsWith(`${version}.`));
  const [newest] = offers;
  const chosen = found ?? newest;
  if (chosen === undefined) return {};
  const { os, packages } = chosen;
  const base = { os, packages, language };
  if (found !== undefined || isOpen) return base;
  return { ...base, difference: `${os} has ${title} ${chosen.version}, not ${version}` };
}
