import type { BuilderErrorCode } from './builder-error.ts';

const otherVersion =
  'the package is what its archive has signed, so only another one helps: img lock --update takes a newer version, or leave it out of packages';
const otherArchive =
  'whoever keeps the archive has to mend it; until then name another mirror, or build from img.lock';
const schema = 'builder/img.schema.json explains every key, and editors complete and check with it';
const again = 'make or download the file again';

/** What to do next about errors that say no more of it by themselves. */
export const usualHints: { readonly [code in BuilderErrorCode]?: string } = {
  APP_INVALID: 'mend the file that is named, or let the tool that made it make it again',
  APP_UNSUPPORTED: 'build the app another way, and name what comes of it in files',
  AR_INVALID: otherVersion,
  ARCHIVE_NOT_FOUND: otherArchive,
  BASE_INVALID: 'the image is damaged there: copy it again, or name another one in from',
  BASE_MISSING: 'name an image that is there in from; img images lists those of this host',
  BINARY_UNSUPPORTED: 'take the package of the program from os: debian:13 instead',
  COMPRESSION_INVALID: otherVersion,
  DEB_INVALID: otherVersion,
  ELF_INVALID: again,
  INDEX_INVALID: otherArchive,
  KEY_INVALID: 'a keyring has OpenPGP public keys, such as gpg --export --armor KEY writes them',
  LOCK_OUTDATED: 'build once without --locked, look at what changes in img.lock, and commit it',
  PATH_CONFLICT: 'leave out one of the two',
  PATH_UNSAFE: otherVersion,
  RECIPE_INVALID: schema,
  RECIPE_UNKNOWN_KEY: schema,
  RELEASE_INVALID: otherArchive,
  SOURCE_UNSAFE: 'copy what is meant into the folder, under a name of plain text',
  SOURCE_UNVERSIONED: 'commit the folder with git first, or build without --git',
  SYSTEM_UNKNOWN:
    'os is a release such as debian:13, or a map with mirror, suites and keyring; platforms are such as linux/arm64',
  TAR_INVALID: otherVersion,
  ZIP_INVALID: again,
};
