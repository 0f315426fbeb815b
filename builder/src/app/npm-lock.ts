import { type Digest, parseDigest } from '@img/spec/digest';
import { type JsonValue, parseJson } from '@img/spec/json';
import { JsonFields } from '@img/spec/json-fields';
import { quote } from '@img/spec/quote';
import { SpecError } from '@img/spec/spec-error';
import { BuilderError } from '../builder-error.ts';

/** A third-party package of a package-lock.json. */
export type NpmPackage = {
  /** Where it goes, relative to the app: `node_modules/a/node_modules/b`. */
  readonly path: string;
  readonly name: string;
  readonly version: string;
  /** Where the lock says that it is; undefined if the lock leaves that to the configuration. */
  readonly url: string | undefined;
  readonly digest: Digest;
  /** Its programs, by name; paths are relative to the package. */
  readonly programs: ReadonlyMap<string, string>;
  readonly isOptional: boolean;
  readonly hasInstallScript: boolean;
  /** What it runs on, as written; empty for everything. */
  readonly os: readonly string[];
  readonly cpu: readonly string[];
  readonly libc: readonly string[];
};

export type NpmLock = {
  readonly packages: readonly NpmPackage[];
  /** Packages of the app's own, by the path that leads to them, with the folder that they are in. */
  readonly links: ReadonlyMap<string, string>;
};

const maxBytes = 64 * 1024 * 1024;
const maxPackages = 50_000;

/**
 * Reads a package-lock.json of npm 7 or later: what an app needs to run, and nothing for its development.
 *
 * @param file how messages name it
 * @throws BuilderError APP_INVALID, APP_UNSUPPORTED
 */
export function parseNpmLock(bytes: Uint8Array, file: string): NpmLock {
  try {
    const fields = new JsonFields(parseJson(bytes, { maxBytes }), file, 'JSON_INVALID');
    const version = fields.integer('lockfileVersion', 1);
    if (version !== 2 && version !== 3) {
      throw new BuilderError(
        'APP_UNSUPPORTED',
        `${quote(file)} is of version ${version}, known are 2 and 3`,
        {
          hint: 'make it again with npm 7 or later: npm install --package-lock-only',
        },
      );
    }
    return readPackages(fields.object('packages'), file);
  } catch (cause) {
    if (!(cause instanceof SpecError)) throw cause;
    throw new BuilderError('APP_INVALID', `${quote(file)} is damaged: ${cause.message}`, { cause });
  }
}

function readPackages(all: JsonFields, file: string): NpmLock {
  const packages: NpmPackage[] = [];
  const links = new Map<string, string>();
  const paths = all.keys();
  if (paths.length > maxPackages)
    throw new SpecError('JSON_INVALID', `it has more than ${maxPackages} packages`);
  for (const path of paths.toSorted()) {
    const fields = all.object(path);
    // The app itself, folders of its own, and what only development needs or what comes inside of another one.
    const isOwn = !/(?:^|\/)node_modules\//.test(path);
    if (isOwn || ['dev', 'inBundle', 'extraneous'].some((key) => fields.optionalBoolean(key) === true))
      continue;
    checkPath(path, file);
    if (fields.optionalBoolean('link') === true) {
      const target = fields.string('resolved');
      checkPath(target, file);
      links.set(path, target);
    } else {
      packages.push(readPackage(path, fields, file));
    }
  }
  return { packages, links };
}

function readPackage(path: string, fields: JsonFields, file: string): NpmPackage {
  const name =
    fields.optionalString('name') ?? path.slice(path.lastIndexOf('node_modules/') + 'node_modules/'.length);
  const version = fields.optionalString('version') ?? '';
  const url = fields.optionalString('resolved');
  const integrity = fields.optionalString('integrity');
  if (!/^(?:@[\w.~-]+\/)?[\w.~-]+$/.test(name))
    throw new SpecError('JSON_INVALID', `${quote(name)} is no name of a package`);
  if (integrity === undefined || (url !== undefined && !/^https?:\/\//.test(url))) {
    throw new BuilderError(
      'APP_UNSUPPORTED',
      `${quote(file)} takes ${quote(name)} from ${quote(url ?? 'somewhere')} without a digest, so nobody knows what it will be`,
      { hint: 'take it from a registry of npm packages, or copy it into the app as a workspace' },
    );
  }
  return {
    path,
    name,
    version,
    url,
    digest: digestOfIntegrity(integrity, name),
    programs: programsOf(fields),
    isOptional: fields.optionalBoolean('optional') === true || fields.optionalBoolean('devOptional') === true,
    hasInstallScript: fields.optionalBoolean('hasInstallScript') === true,
    os: fields.optionalStrings('os', 100) ?? [],
    cpu: fields.optionalStrings('cpu', 100) ?? [],
    libc: fields.optionalStrings('libc', 100) ?? [],
  };
}

function programsOf(fields: JsonFields): ReadonlyMap<string, string> {
  const programs = Object.entries(fields.optionalStringMap('bin') ?? {});
  for (const [name, path] of programs) {
    const parts = path.split('/').filter((part) => part !== '' && part !== '.');
    if (!/^[\w.@~-]+$/.test(name) || name.startsWith('.') || parts.length === 0 || parts.includes('..')) {
      throw new SpecError('JSON_INVALID', `${fields.path('bin')} has ${quote(name)} at ${quote(path)}`);
    }
  }
  return new Map(programs.map(([name, path]) => [name, path.replace(/^(?:\.?\/)+/, '')]));
}

/** The strongest digest of a Subresource Integrity text; npm has always written sha512, except for very old packages. */
function digestOfIntegrity(integrity: string, name: string): Digest {
  for (const algorithm of ['sha512', 'sha256'] as const) {
    const [, base64] =
      new RegExp(`(?:^|\\s)${algorithm}-([A-Za-z0-9+/]+={0,2})(?:\\s|\\?|$)`).exec(integrity) ?? [];
    if (base64 !== undefined)
      return parseDigest(`${algorithm}:${Buffer.from(base64, 'base64').toString('hex')}`);
  }
  throw new BuilderError(
    'APP_UNSUPPORTED',
    `${quote(name)} is locked with ${quote(integrity)}, which is no digest to trust`,
    {
      hint: 'lock it again with a registry that gives sha512: npm install --package-lock-only',
    },
  );
}

function checkPath(path: string, file: string): void {
  const parts = path.split('/');
  if (!path.includes('\\') && parts.every((part) => part !== '' && part !== '.' && part !== '..')) return;
  throw new BuilderError(
    'APP_INVALID',
    `${quote(file)} has the path ${quote(path)}, which is not below the app`,
  );
}

/** The value of a package.json as far as it is asked for; undefined for what is none. */
export function readPackageJson(value: JsonValue): {
  readonly main?: string;
  readonly start?: string;
  readonly name?: string;
  readonly version?: string;
} {
  const fields = new JsonFields(value, 'package.json', 'JSON_INVALID');
  const text = (from: JsonFields | undefined, key: string) => {
    const found = from?.optionalString(key);
    return found === undefined ? {} : { [key]: found };
  };
  return {
    ...text(fields, 'main'),
    ...text(fields, 'name'),
    ...text(fields, 'version'),
    ...text(fields.optionalObject('scripts'), 'start'),
  };
}
