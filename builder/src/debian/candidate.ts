import { isDigest } from '@img/spec/digest';
import { quote } from '@img/spec/quote';
import { BuilderError } from '../builder-error.ts';
import { type Alternatives, parseDependencies, type Relation } from './dependency.ts';
import type { DebianPackage } from './package.ts';
import type { IndexEntry } from './package-index.ts';

export type DependencyKind = 'depends' | 'conflicts' | 'recommends' | 'suggests';

/** A line of Depends or Conflicts, with what it means for both packages. */
export type Dependency = {
  /** Pre-Depends counts as depends and Breaks as conflicts: without maintainer scripts there is no difference. */
  readonly kind: DependencyKind;
  readonly alternatives: Alternatives;
};

/** A version of a package, parsed. */
export type PackageVersion = {
  readonly package: DebianPackage;
  readonly multiArch: 'no' | 'same' | 'foreign' | 'allowed';
  /** 1 required, 2 important, 3 standard, 4 optional, 5 extra or unknown; 0 where there is none, as for apt. */
  readonly priority: number;
  /** In apt's order: Pre-Depends, Depends, Conflicts, Breaks, Recommends, Suggests. */
  readonly dependencies: readonly Dependency[];
  readonly provides: readonly Relation[];
};

/** A version of a package as an index describes it, with what is true of the package in all its versions. */
export type Candidate = PackageVersion & {
  readonly isEssential: boolean;
  /** Marked Protected or Important, which counts like Essential but may be left out. */
  readonly isProtected: boolean;
};

const priorities = ['required', 'important', 'standard', 'optional'];

const extra = 5;

/**
 * Parses the entry of an index. Everything that other parts put into paths or documents is checked here.
 *
 * @throws BuilderError INDEX_INVALID
 */
export function parseEntry(entry: IndexEntry, suite: string): PackageVersion {
  const multiArch = entry['multi-arch'];
  return {
    package: parsePackage(entry, suite),
    multiArch: multiArch === 'same' || multiArch === 'foreign' || multiArch === 'allowed' ? multiArch : 'no',
    priority: parsePriority(entry.priority),
    dependencies: [
      ...dependenciesOf('depends', entry['pre-depends']),
      ...dependenciesOf('depends', entry.depends),
      ...dependenciesOf('conflicts', entry.conflicts),
      ...dependenciesOf('conflicts', entry.breaks),
      ...dependenciesOf('recommends', entry.recommends),
      ...dependenciesOf('suggests', entry.suggests),
    ],
    provides: parseDependencies(entry.provides).flat(),
  };
}

function parsePriority(text: string): number {
  if (text === '') return 0;
  const index = priorities.indexOf(text);
  return index < 0 ? extra : index + 1;
}

function dependenciesOf(kind: DependencyKind, value: string): readonly Dependency[] {
  return parseDependencies(value).map((alternatives) => ({ kind, alternatives }));
}

function parsePackage(entry: IndexEntry, suite: string): DebianPackage {
  const { package: name, version, architecture, filename, size } = entry;
  const digest = `sha256:${entry.sha256}`;
  const source = parseSource(entry);
  check(name, /^[a-z0-9][a-z0-9+.-]*$/.test(name), name, 'name');
  check(name, isVersion(version), version, 'version');
  check(name, /^[a-z0-9][a-z0-9-]*$/.test(architecture), architecture, 'architecture');
  check(
    name,
    /^[a-z0-9][a-z0-9+.-]*$/.test(source.name) && isVersion(source.version),
    entry.source,
    'source',
  );
  check(name, isPath(filename), filename, 'path');
  check(name, /^\d{1,15}$/.test(size), size, 'size');
  if (!isDigest(digest)) throw invalid(name, entry.sha256, 'digest');
  return { name, version, architecture, source, suite, path: filename, size: Number(size), digest };
}

// Source is left out when it has the same name and version, and has the version only when that differs.
function parseSource({ source, package: name, version }: IndexEntry): DebianPackage['source'] {
  if (source === '') return { name, version };
  const [, sourceName = source, sourceVersion = version] = /^(\S+)(?:\s+\((\S+)\))?$/.exec(source) ?? [];
  return { name: sourceName, version: sourceVersion };
}

function isVersion(text: string): boolean {
  return /^[A-Za-z0-9.+~:-]{1,200}$/.test(text);
}

function isPath(text: string): boolean {
  const isSafe = text.split('/').every((part) => part !== '' && part !== '.' && part !== '..');
  return isSafe && /^[\w.+~:%@/-]{1,1000}$/.test(text);
}

function check(name: string, isFine: boolean, value: string, what: string): void {
  if (!isFine) throw invalid(name, value, what);
}

function invalid(name: string, value: string, what: string): BuilderError {
  return new BuilderError(
    'INDEX_INVALID',
    `the index gives the package ${quote(name)} the ${what} ${quote(value)}`,
  );
}
