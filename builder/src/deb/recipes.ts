/**
 * What maintainer scripts would have done and programs can't do without, as data: nothing here is run. A
 * recipe looks at its own package only, so the package's layer stays a function of the package.
 */
export type PackageRecipe = {
  /** Why the recipe is there. */
  readonly reason: string;
  /** Files to leave out, because nothing calls them where no maintainer script runs. */
  readonly drops?: readonly string[];
  /** Links to make; they replace a folder of the same path if the package has one. */
  readonly links?: readonly LinkRecipe[];
  /** Files to copy, as `from: to`. */
  readonly copies?: { readonly [from: string]: string };
  /** Files to join into one, in the order of their paths. */
  readonly joins?: readonly { readonly folder: string; readonly suffix: string; readonly to: string }[];
  /** Folders to make, which root owns and everybody may read. */
  readonly folders?: readonly string[];
  /** Files that programs read only once a link among those that are in use leads to them. */
  readonly enables?: readonly EnableRecipe[];
};

/** What a2enmod, phpenmod and the like do. In paths, `$1` is the first group of `files`, and so on. */
export type EnableRecipe = {
  /** Paths of the files. */
  readonly files: RegExp;
  /** Where programs look for the file, if the package doesn't have it there. */
  readonly copy?: string;
  /** Where the links go; `$order` is what the file says of the order in which such files are read. */
  readonly links: readonly string[];
  readonly target: string;
  readonly order?: { readonly says: RegExp; readonly otherwise: string };
};

export type LinkRecipe = {
  readonly path: string;
  readonly target: string;
  /** Debian's names of the architectures that have it; all if absent. */
  readonly architectures?: readonly string[];
};

/** What apache2 has in use when it is installed, with what that needs. */
const apacheModules =
  'access_compat|alias|auth_basic|authn_core|authn_file|authz_core|authz_host|authz_user|autoindex|deflate|dir|' +
  'env|filter|mime|mpm_event|negotiation|reqtimeout|setenvif|status';
const apacheSettings =
  'charset|localized-error-pages|other-vhosts-access-log|security|serve-cgi-bin|000-default';

/** By name of the package. */
const packageRecipes: { readonly [name: string]: PackageRecipe } = {
  apache2: {
    reason: 'its postinst calls a2enmod, a2enconf and a2ensite for what every installation begins with',
    enables: [
      {
        files: new RegExp(`^etc/apache2/mods-available/((?:${apacheModules})\\.(?:conf|load))$`),
        links: ['etc/apache2/mods-enabled/$1'],
        target: '../mods-available/$1',
      },
      {
        files: new RegExp(`^etc/apache2/(conf|sites)-available/((?:${apacheSettings})\\.conf)$`),
        links: ['etc/apache2/$1-enabled/$2'],
        target: '../$1-available/$2',
      },
    ],
  },
  'base-files': {
    reason:
      'the links of a merged /usr, which come with the package from trixie on and were made by the installer ' +
      'before, and the links from /var to /run, which its postinst makes',
    links: [
      { path: 'bin', target: 'usr/bin' },
      { path: 'lib', target: 'usr/lib' },
      { path: 'sbin', target: 'usr/sbin' },
      // Where the dynamic loader is by the ABI of these processors.
      { path: 'lib64', target: 'usr/lib64', architectures: ['amd64', 'ppc64el', 'mips64el', 'loong64'] },
      { path: 'var/run', target: '/run' },
      { path: 'var/lock', target: '/run/lock' },
    ],
  },
  'base-passwd': {
    reason: 'the users and groups that every Debian system has; its postinst copies them with update-passwd',
    drops: ['usr/sbin/update-passwd'],
    copies: {
      'usr/share/base-passwd/passwd.master': 'etc/passwd',
      'usr/share/base-passwd/group.master': 'etc/group',
    },
  },
  'ca-certificates': {
    reason:
      'update-ca-certificates joins the certificates into the bundle that TLS libraries read; cert.pem is where ' +
      'OpenSSL looks for it without configuration',
    drops: ['usr/sbin/update-ca-certificates'],
    joins: [
      {
        folder: 'usr/share/ca-certificates/mozilla',
        suffix: '.crt',
        to: 'etc/ssl/certs/ca-certificates.crt',
      },
    ],
    links: [{ path: 'usr/lib/ssl/cert.pem', target: '/etc/ssl/certs/ca-certificates.crt' }],
  },
  'nginx-common': {
    reason: 'its postinst enables the one site that every installation begins with',
    enables: [
      {
        files: /^etc\/nginx\/sites-available\/(default)$/,
        links: ['etc/nginx/sites-enabled/$1'],
        target: '/etc/nginx/sites-available/$1',
      },
    ],
  },
  'openssh-server': {
    reason:
      'its postinst makes the configuration of a file for it and answers to questions, and an init system the ' +
      'empty folder that sshd locks its processes in',
    copies: { 'usr/share/openssh/sshd_config': 'etc/ssh/sshd_config' },
    folders: ['run/sshd'],
  },
  'r-base-core': {
    reason:
      'its postinst copies the variables that R starts with to /etc, with a size of paper that it asks for',
    copies: { 'usr/lib/R/etc/Renviron.ucf': 'etc/R/Renviron' },
  },
};

/** By names of packages that are alike. */
const familyRecipes: readonly { readonly names: RegExp; readonly recipe: PackageRecipe }[] = [
  {
    names: /^libnginx-mod-/,
    recipe: {
      reason: 'their postinst puts a link into the folder of modules that nginx loads',
      enables: [
        {
          // Others need this one to be loaded before.
          files: /^usr\/share\/nginx\/modules-available\/(mod-http-ndk\.conf)$/,
          links: ['etc/nginx/modules-enabled/10-$1'],
          target: '/usr/share/nginx/modules-available/$1',
        },
        {
          files: /^usr\/share\/nginx\/modules-available\/(mod-(?!http-ndk\.)[^/]+\.conf)$/,
          links: ['etc/nginx/modules-enabled/50-$1'],
          target: '/usr/share/nginx/modules-available/$1',
        },
      ],
    },
  },
  {
    names: /^php\d+\.\d+-/,
    recipe: {
      reason: 'their postinst copies the file that loads an extension to /etc with ucf, and calls phpenmod',
      enables: [
        {
          files: /^usr\/share\/php(\d+\.\d+)-[^/]+\/[^/]+\/([^/]+\.ini)$/,
          copy: 'etc/php/$1/mods-available/$2',
          links: ['apache2', 'cgi', 'cli', 'fpm'].map((program) => `etc/php/$1/${program}/conf.d/$order-$2`),
          target: '/etc/php/$1/mods-available/$2',
          order: { says: /^; *priority=(\d+)$/m, otherwise: '20' },
        },
      ],
    },
  },
];

/** The recipe of a package; most have none. */
export function recipeOf(name: string): PackageRecipe | undefined {
  if (Object.hasOwn(packageRecipes, name)) return packageRecipes[name];
  return familyRecipes.find(({ names }) => names.test(name))?.recipe;
}

/**
 * What scripts take for granted, because it is essential in Debian, so that no package depends on it: their
 * interpreter, and for a shell the small programs that hardly a shell script does without. By path of the
 * interpreter.
 */
export const interpreterPackages: { readonly [path: string]: readonly string[] } = {
  'usr/bin/awk': ['mawk'],
  'usr/bin/bash': ['bash', 'coreutils'],
  'usr/bin/dash': ['dash', 'coreutils'],
  'usr/bin/env': ['coreutils'],
  'usr/bin/perl': ['perl-base'],
  'usr/bin/sed': ['sed'],
  'usr/bin/sh': ['dash', 'coreutils'],
};
