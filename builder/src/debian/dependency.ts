import { quote } from '@img/spec/quote';
import { BuilderError } from '../builder-error.ts';
import { compareVersions } from './version.ts';

/** How a version must compare with the one that a dependency names (Debian Policy 7.1). */
export type VersionOperator = '<<' | '<=' | '=' | '>=' | '>>' | '!=';

/** One package name in a dependency, with what is asked of its version and architecture. */
export type Relation = {
  readonly name: string;
  /** What follows the colon of `python3:any`: `any`, `native` or an architecture. */
  readonly qualifier?: string;
  readonly operator?: VersionOperator;
  readonly version?: string;
};

/** Relations joined by `|`: one of them must hold. Never empty. */
export type Alternatives = readonly Relation[];

// `<` and `>` are old spellings of `<=` and `>=` (Debian Policy 7.1).
const operators: { readonly [spelling: string]: VersionOperator } = {
  '<<': '<<',
  '<=': '<=',
  '<': '<=',
  '=': '=',
  '>=': '>=',
  '>': '>=',
  '>>': '>>',
  '!=': '!=',
};

const relationPattern =
  /^\s*([^\s:()|,[\]<>]+)(?::([a-z0-9-]+))?\s*(?:\(\s*(<<|<=|>=|>>|!=|<|>|=)\s*([^\s()<=>]+)\s*\))?\s*$/;

/**
 * Parses the value of Depends, Conflicts, Provides and the like, as it stands in the index of binary packages.
 *
 * @throws BuilderError INDEX_INVALID
 */
export function parseDependencies(text: string): readonly Alternatives[] {
  if (text.trim() === '') return [];
  // A comma after the last one is tolerated by dpkg and occurs.
  const groups = text.replace(/,\s*$/, '').split(',');
  return groups.map((group) => group.split('|').map((relation) => parseRelation(relation, text)));
}

function parseRelation(text: string, whole: string): Relation {
  const [, name, qualifier, spelling, version] = relationPattern.exec(text) ?? [];
  if (name === undefined) {
    throw new BuilderError(
      'INDEX_INVALID',
      `dependency ${quote(text.trim())} of ${quote(whole)} is malformed`,
    );
  }
  const operator = spelling === undefined ? undefined : operators[spelling];
  return {
    name,
    ...(qualifier === undefined ? {} : { qualifier }),
    ...(operator === undefined || version === undefined ? {} : { operator, version }),
  };
}

/**
 * Whether a version is one that the relation accepts. A package that is provided without a version (undefined)
 * satisfies only relations that name none (Debian Policy 7.5).
 */
export function acceptsVersion(relation: Relation, version: string | undefined): boolean {
  if (relation.operator === undefined || relation.version === undefined) return true;
  if (version === undefined) return false;
  const order = compareVersions(version, relation.version);
  switch (relation.operator) {
    case '<<':
      return order < 0;
    case '<=':
      return order <= 0;
    case '=':
      return order === 0;
    case '>=':
      return order >= 0;
    case '>>':
      return order > 0;
    case '!=':
      return order !== 0;
  }
}

/** As it is written in a control file. */
export function formatAlternatives(alternatives: Alternatives): string {
  return alternatives.map(formatRelation).join(' | ');
}

export function formatRelation({ name, qualifier, operator, version }: Relation): string {
  const qualified = qualifier === undefined ? name : `${name}:${qualifier}`;
  return operator === undefined ? qualified : `${qualified} (${operator} ${version})`;
}
