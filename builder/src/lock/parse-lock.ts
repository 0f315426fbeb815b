import { type Digest, parseDigest } from '@img/spec/digest';
import { parseJson } from '@img/spec/json';
import { JsonFields } from '@img/spec/json-fields';
import { quote } from '@img/spec/quote';
import { SpecError } from '@img/spec/spec-error';
import { BuilderError } from '../builder-error.ts';
import type { DebianPackage } from '../debian/package.ts';
import type { ReleaseRecord } from '../debian/resolution.ts';
import type { ImageLock, LockedBlob, LockedFile, LockedLayer, PlatformLock } from './image-lock.ts';

/** Number of the lock's format. */
export const lockVersion = 1;

const maxBytes = 16 * 1024 * 1024;
const maxPlatforms = 16;
const maxPackages = 10_000;
const maxReleases = 64;
const maxFiles = 20_000;
const maxRecordsBytes = 64 * 1024 * 1024;

/**
 * Parses an img.lock, strictly: it decides what is downloaded and run.
 *
 * @param file how messages name it
 * @throws BuilderError LOCK_INVALID
 */
export function parseLock(bytes: Uint8Array, file: string): ImageLock {
  try {
    const fields = new JsonFields(parseJson(bytes, { maxBytes }), file, 'JSON_INVALID');
    const version = fields.integer('lockVersion', 1);
    if (version !== lockVersion) {
      throw new BuilderError(
        'LOCK_INVALID',
        `${file} is of version ${version}, this img knows ${lockVersion}`,
        {
          hint: 'use the version of img that made it, or delete it to make a new one',
        },
      );
    }
    fields.onlyKeys(['lockVersion', 'platforms', 'profile', 'request']);
    return {
      profile: fields.string('profile'),
      request: requestFrom(fields),
      platforms: platformsFrom(fields),
    };
  } catch (cause) {
    if (!(cause instanceof SpecError)) throw cause;
    throw new BuilderError('LOCK_INVALID', `${file} is damaged: ${cause.message}`, {
      cause,
      hint: 'take it from version control again, or delete it to make a new one',
    });
  }
}

function requestFrom(fields: JsonFields): ImageLock['request'] {
  const request = fields.object('request');
  request.onlyKeys(['os', 'packages']);
  return { os: request.string('os'), packages: request.optionalStrings('packages', maxPackages) ?? [] };
}

function platformsFrom(fields: JsonFields): ImageLock['platforms'] {
  const platforms = fields.object('platforms');
  const names = platforms.keys();
  if (names.length > maxPlatforms) {
    throw new SpecError('JSON_INVALID', `${platforms.path('')} has more than ${maxPlatforms} platforms`);
  }
  return new Map(names.map((name) => [name, platformFrom(platforms.object(name))]));
}

function platformFrom(fields: JsonFields): PlatformLock {
  fields.onlyKeys(['base', 'files', 'kept', 'layers', 'packages', 'records', 'releases']);
  const objects = (key: string, max: number) => {
    return fields.array(key, max).map((value, index) => {
      return new JsonFields(value, `${fields.path(key)}[${index}]`, 'JSON_INVALID');
    });
  };
  const packages = objects('packages', maxPackages).map(packageFrom);
  for (const [index, { name }] of packages.entries()) {
    if (index > 0 && (packages[index - 1]?.name ?? '') >= name) {
      throw new SpecError(
        'JSON_INVALID',
        `${fields.path('packages')} should be sorted, ${quote(name)} is not`,
      );
    }
  }
  return {
    ...(fields.optionalString('base') === undefined ? {} : { base: digestFrom(fields, 'base') }),
    ...(fields.has('files') ? { files: objects('files', maxFiles).map(fileFrom) } : {}),
    ...(fields.has('kept') ? { kept: digestFrom(fields, 'kept') } : {}),
    ...(fields.has('records') ? { records: recordsFrom(fields.object('records')) } : {}),
    releases: objects('releases', maxReleases).map(releaseFrom),
    packages,
    layers: objects('layers', maxPackages).map(layerFrom),
  };
}

function recordsFrom(fields: JsonFields): LockedBlob {
  fields.onlyKeys(['digest', 'size']);
  return { digest: digestFrom(fields, 'digest'), size: fields.integer('size', 1, maxRecordsBytes) };
}

function releaseFrom(fields: JsonFields): ReleaseRecord {
  fields.onlyKeys(['date', 'digest', 'keyFingerprint', 'suite']);
  return {
    suite: fields.string('suite'),
    date: matching(fields, 'date', /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
    digest: digestFrom(fields, 'digest'),
    keyFingerprint: matching(fields, 'keyFingerprint', /^[0-9A-F]{40,64}$/),
  };
}

function packageFrom(fields: JsonFields): DebianPackage {
  fields.onlyKeys(['architecture', 'digest', 'name', 'path', 'size', 'slice', 'source', 'suite', 'version']);
  const slice = fields.optionalString('slice');
  const source = fields.object('source');
  source.onlyKeys(['name', 'version']);
  return {
    name: packageName(fields),
    version: packageVersion(fields),
    ...(slice === undefined ? {} : { slice: matching(fields, 'slice', /^[a-z]+$/) }),
    architecture: matching(fields, 'architecture', /^[a-z0-9-]+$/),
    source: { name: packageName(source), version: packageVersion(source) },
    suite: fields.string('suite'),
    // Becomes a part of an address and of nothing else, but must not climb there either.
    path: matching(fields, 'path', /^(?!.*(?:^|\/)\.\.?(?:\/|$))[\w.+~%:-]+(?:\/[\w.+~%:-]+)*$/),
    size: fields.integer('size', 1),
    digest: digestFrom(fields, 'digest'),
  };
}

function fileFrom(fields: JsonFields): LockedFile {
  fields.onlyKeys(['digest', 'package', 'path']);
  const owner = fields.optionalString('package');
  const path = matching(fields, 'path', /^\/./);
  return { path, digest: digestFrom(fields, 'digest'), ...(owner === undefined ? {} : { package: owner }) };
}

function layerFrom(fields: JsonFields): LockedLayer {
  fields.onlyKeys(['diffId', 'digest', 'packages', 'size']);
  return {
    diffId: digestFrom(fields, 'diffId'),
    digest: digestFrom(fields, 'digest'),
    size: fields.integer('size', 1),
    packages: fields.optionalStrings('packages', maxPackages) ?? [],
  };
}

// Debian policy sections 5.6.1 and 5.6.12.
function packageName(fields: JsonFields): string {
  return matching(fields, 'name', /^[a-z0-9][a-z0-9+.-]+$/);
}

function packageVersion(fields: JsonFields): string {
  return matching(fields, 'version', /^[A-Za-z0-9.+:~-]+$/);
}

function matching(fields: JsonFields, key: string, pattern: RegExp): string {
  const text = fields.string(key);
  if (pattern.test(text)) return text;
  throw new SpecError('JSON_INVALID', `${fields.path(key)} can't be ${quote(text)}`);
}

function digestFrom(fields: JsonFields, key: string): Digest {
  try {
    return parseDigest(fields.string(key));
  } catch (cause) {
    throw new SpecError('JSON_INVALID', `${fields.path(key)}: ${(cause as Error).message}`, { cause });
  }
}
