import type { JsonValue } from '@img/spec/json';
import type { ImageLock, LockedFile, PlatformLock } from './image-lock.ts';
import { lockVersion } from './parse-lock.ts';

/** The text of a lock: JSON with sorted keys, one value a line, so that version control shows what changed. */
export function encodeLock({ profile, request, platforms }: ImageLock): string {
  const document: JsonValue = {
    lockVersion,
    profile,
    request,
    platforms: Object.fromEntries([...platforms].map(([name, platform]) => [name, platformJson(platform)])),
  };
  return `${JSON.stringify(sorted(document), null, 2)}\n`;
}

function platformJson({ base, files, kept, records, releases, packages, layers }: PlatformLock): JsonValue {
  return {
    ...(base === undefined ? {} : { base }),
    ...(files === undefined ? {} : { files: files.map(fileJson) }),
    ...(kept === undefined ? {} : { kept }),
    ...(records === undefined ? {} : { records: { digest: records.digest, size: records.size } }),
    releases,
    packages: packages.map(({ name, version, slice, architecture, source, suite, path, size, digest }) => {
      const part = slice === undefined ? {} : { slice };
      return { name, version, ...part, architecture, source, suite, path, size, digest };
    }),
    layers: layers.map(({ diffId, digest, size, packages: names }) => {
      return { diffId, digest, size, packages: names };
    }),
  };
}

function fileJson({ path, digest, package: owner }: LockedFile): JsonValue {
  return { path, digest, ...(owner === undefined ? {} : { package: owner }) };
}

function sorted(value: JsonValue): JsonValue {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(entries.map(([key, item]) => [key, sorted(item)]));
}
