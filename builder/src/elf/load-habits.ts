import { basename, dirname } from 'node:path';

/** What a library or program loads by habit, which nothing in its file says. */
export type LoadHabits = {
  /** Libraries, by the name that they are looked up by. */
  readonly names: readonly string[];
  /** Folders with libraries that it loads as modules. */
  readonly moduleFolders: readonly string[];
  /** Folders with whatever it needs to work at all. */
  readonly dataFolders: readonly string[];
};

/** By the name under which a library is loaded; folders are relative to the library's own. */
const ofLibraries: {
  readonly [soname: string]: { readonly names?: readonly string[]; readonly modules?: readonly string[] };
} = {
  // pthread_cancel() and backtrace().
  'libc.so.6': { names: ['libgcc_s.so.1'] },
  'libcrypto.so.3': { modules: ['ossl-modules'] },
  'libgio-2.0.so.0': { modules: ['gio/modules'] },
  'libgdk_pixbuf-2.0.so.0': { modules: ['gdk-pixbuf-2.0'] },
  'libgssapi_krb5.so.2': { modules: ['krb5/plugins'] },
  'libkrb5.so.3': { modules: ['krb5/plugins'] },
  'libpam.so.0': { modules: ['security'] },
  'libsasl2.so.2': { modules: ['sasl2'] },
};

type ProgramHabits = {
  readonly name: RegExp;
  /** Relative to the program's own folder; `libraries` is Debian's folder of libraries for its processor. */
  readonly folders: (name: string, libraries: string) => readonly string[];
};

/** By what a program's file is called. */
const ofPrograms: readonly ProgramHabits[] = [
  { name: /^git$/, folders: () => ['../lib/git-core', '../share/git-core'] },
  { name: /^java$/, folders: () => ['../lib', '../conf'] },
  {
    name: /^perl(?:5[\d.]*)?$/,
    folders: (_, libraries) => [
      ...['perl', 'perl-base', 'perl5'].map((folder) => `${libraries}/${folder}`),
      '../share/perl',
      '../share/perl5',
    ],
  },
  // The standard library, with its modules in C.
  { name: /^python3\.\d+$/, folders: (name) => [`../lib/${name}`] },
];

const none: LoadHabits = { names: [], moduleFolders: [], dataFolders: [] };

/** @param path of the library itself, absolute */
export function libraryHabits(soname: string, path: string): LoadHabits {
  const found = Object.hasOwn(ofLibraries, soname) ? ofLibraries[soname] : undefined;
  if (found === undefined) return none;
  const moduleFolders = (found.modules ?? []).map((folder) => `${dirname(path)}/${folder}`);
  return { names: found.names ?? [], moduleFolders, dataFolders: [] };
}

/**
 * @param path of the program itself, absolute, with all links followed
 * @param multiarch Debian's name of the libraries of its processor; undefined for one that Debian doesn't have
 */
export function programHabits(path: string, multiarch: string | undefined): LoadHabits {
  const name = basename(path);
  const found = ofPrograms.find((each) => each.name.test(name));
  if (found === undefined) return none;
  const libraries = `../lib/${multiarch ?? ''}`;
  const folders = found.folders(name, libraries);
  return { ...none, dataFolders: folders.map((folder) => `${dirname(path)}/${folder}`) };
}
