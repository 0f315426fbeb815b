import { CodedError, type CodedErrorOptions } from '@img/spec/coded-error';
import { usualHints } from './usual-hints.ts';

/** Everything that can stop a build on purpose; one group per folder. */
export type BuilderErrorCode =
  // a Dockerfile to translate
  | 'DOCKERFILE_INVALID'
  | 'DOCKERFILE_MISSING'
  // img.yaml and img.lock
  | 'LOCK_INVALID'
  | 'LOCK_OUTDATED'
  | 'RECIPE_INVALID'
  | 'RECIPE_MISSING'
  | 'RECIPE_UNKNOWN_KEY'
  | 'RECIPE_UNSUPPORTED'
  // a Debian archive: which one, reaching it, trusting its index, choosing and downloading packages
  | 'ARCHIVE_NOT_FOUND'
  | 'ARCHIVE_RESPONSE'
  | 'ARCHIVE_UNREACHABLE'
  | 'CACHE_UNWRITABLE'
  | 'INDEX_INVALID'
  | 'INDEX_MISMATCH'
  | 'INDEX_MISSING'
  | 'KEY_INVALID'
  | 'PACKAGE_AMBIGUOUS'
  | 'PACKAGE_CONFLICT'
  | 'PACKAGE_MISMATCH'
  | 'PACKAGE_UNKNOWN'
  | 'PACKAGE_UNSUITABLE'
  | 'PACKAGE_UNSATISFIABLE'
  | 'RELEASE_EXPIRED'
  | 'RELEASE_IN_FUTURE'
  | 'RELEASE_INVALID'
  | 'RELEASE_MISMATCH'
  | 'RELEASE_ROLLED_BACK'
  | 'RELEASE_UNSIGNED'
  | 'RELEASE_UNTRUSTED'
  | 'SYSTEM_UNKNOWN'
  // the image that another one is built upon
  | 'BASE_INVALID'
  | 'BASE_MISSING'
  | 'BASE_UNSUPPORTED'
  // .deb files and their conversion
  | 'AR_INVALID'
  | 'COMPRESSION_INVALID'
  | 'DEB_INVALID'
  | 'DEB_MISMATCH'
  | 'PATH_CONFLICT'
  | 'PATH_UNSAFE'
  | 'TAR_INVALID'
  // apps and programs of this machine
  | 'APP_INVALID'
  | 'APP_UNSUPPORTED'
  | 'BINARY_MISSING'
  | 'BINARY_UNSUPPORTED'
  | 'ELF_INVALID'
  | 'LIBRARY_MISSING'
  | 'ZIP_INVALID'
  // the user's own files
  | 'OWNER_UNKNOWN'
  | 'SOURCE_CHANGED'
  | 'SOURCE_MISSING'
  | 'SOURCE_UNREADABLE'
  | 'SOURCE_UNSAFE'
  | 'SOURCE_UNVERSIONED'
  // the image as a whole
  | 'CACHE_CORRUPT'
  | 'COMPRESSOR_DIFFERS'
  | 'LAYER_UNREPRODUCIBLE'
  | 'OUTPUT_OCCUPIED'
  | 'PROGRAM_MISSING'
  | 'STORE_FULL'
  | 'WATCH_FAILED';

/** A build that was refused. The message says which input was at fault and where in it. */
export class BuilderError extends CodedError<BuilderErrorCode> {
  override readonly name = 'BuilderError';

  constructor(code: BuilderErrorCode, message: string, options: CodedErrorOptions = {}) {
    const hint = options.hint ?? usualHints[code];
    super(code, message, hint === undefined ? options : { ...options, hint });
  }
}
