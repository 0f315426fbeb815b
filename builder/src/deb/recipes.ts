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
};

export type LinkRecipe = {
  readonly path: string;
  readonly target: string;
  /** Debian's names of the architectures that have it; all if absent. */
  readonly architectures?: readonly string[];
};

/** By name of the package. */
export const packageRecipes: { readonly [name: string]: PackageRecipe } = {
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
};

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
