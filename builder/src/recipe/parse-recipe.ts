import { type Platform, parsePlatform } from '@img/spec/platform';
import { quote } from '@img/spec/quote';
import { parseRepositoryName, type RepositoryName } from '@img/spec/repository-name';
import { SpecError } from '@img/spec/spec-error';
import { parseTag, type Tag } from '@img/spec/tag';
import { checkSchema } from './check-schema.ts';
import type { AppKind, AppRule, FileRule, ImageRecipe, OsChoice } from './image-recipe.ts';
import type { Located, LocatedText, Position } from './located.ts';
import { LocatedFields } from './located-fields.ts';
import { parseImagePath, parseOwner, parseSourcePath } from './parse-paths.ts';
import { parseRun } from './parse-run.ts';
import { Problems } from './problems.ts';
import { readYaml } from './read-yaml.ts';
import { recipeSchema } from './schema.ts';

const defaultAppFolder = '/opt/app/';
const appKinds: readonly AppKind[] = ['python', 'node', 'go', 'jar', 'files'];

/**
 * Parses an img.yaml.
 *
 * @param file how messages name it
 * @throws BuilderError RECIPE_INVALID, RECIPE_UNKNOWN_KEY, RECIPE_UNSUPPORTED; the message has a line
 *   `file:line:column: …` for everything that is wrong
 */
export function parseRecipe(bytes: Uint8Array, file: string): ImageRecipe {
  const problems = new Problems(file);
  const value = readYaml(bytes, problems);
  if (value !== undefined) checkSchema(value, recipeSchema, '', problems);
  problems.throwIfAny();
  const fields = new LocatedFields(value);
  const recipe: ImageRecipe = {
    name: parsed(fields, 'name', parseRepositoryName, problems) as RepositoryName,
    version: parsed(fields, 'version', parseTag, problems) as Tag,
    os: parseOs(fields, problems),
    packages: [...new Set(fields.texts('packages').map(({ text }) => text))].sort(),
    binaries: [...new Set(fields.texts('binary').map((text) => parseProgram(text, problems)))],
    files: fields.items('files').map((item) => parseFileRule(item, problems)),
    app: fields.has('app') ? parseApp(fields.fields('app'), fields.position('app'), problems) : undefined,
    run: parseRun(fields.fields('run'), problems),
    annotations: fields.textMap('annotations'),
    platforms: fields.texts('platforms').flatMap(({ text, position }) => {
      return parseBuildPlatform(text, position, problems) ?? [];
    }),
  };
  if (recipe.os.kind !== 'scratch' && recipe.binaries.length > 0) {
    problems.add(
      fields.position('binary'),
      'binary brings its libraries along from this machine, so os must be scratch; or take the package of the program from os',
    );
  }
  if (recipe.os.kind === 'image' && recipe.packages.length > 0) {
    problems.add(
      fields.position('packages'),
      'from: has no packages, because nobody knows what fits the image; build that one with them, or take os: debian:13 instead of from',
    );
  }
  problems.throwIfAny();
  return recipe;
}

function parseOs(fields: LocatedFields, problems: Problems): OsChoice {
  const from = fields.text('from');
  if ((from === undefined) !== fields.has('os')) {
    const both = 'os and from exclude each other: packages of a release, or another image as base';
    const none =
      'os is missing: debian:13, debian:12, ubuntu:24.04 or scratch; or from: another image as base';
    problems.add(fields.position('from'), from === undefined ? none : both);
  }
  if (from !== undefined) return { kind: 'image', from };
  const text = fields.text('os');
  if (text === 'scratch') return { kind: 'scratch' };
  if (text !== undefined) {
    if (!/^[a-z]+:[a-z0-9.-]+$/.test(text)) {
      problems.add(
        fields.position('os'),
        `os should be ${recipeSchema.properties?.['os']?.title}, not ${quote(text)}`,
      );
    }
    return { kind: 'named', name: text };
  }
  return parseArchive(fields.fields('os'), fields.position('os'), problems);
}

/** The long form of `os:`: a release and its mirror, or an archive with its suites and keys. */
function parseArchive(fields: LocatedFields, position: Position, problems: Problems): OsChoice {
  const mirror = fields.text('mirror') ?? '';
  const name = fields.text('name');
  const keyring = fields.text('keyring');
  const isOwn = ['suites', 'components', 'keyring'].some((key) => fields.has(key));
  if (name !== undefined && !isOwn) return { kind: 'named', name, mirror };
  if (name !== undefined || !fields.has('suites') || keyring === undefined) {
    problems.add(position, 'os should have either name, or suites and keyring, beside mirror');
  }
  const components = fields.texts('components').map((component) => component.text);
  return {
    kind: 'archive',
    mirror,
    suites: fields.texts('suites').map((suite) => suite.text),
    components: components.length === 0 ? ['main'] : components,
    keyring: parseSourcePath(keyring ?? '.', fields.position('keyring'), problems),
  };
}

function parseProgram({ text, position }: LocatedText, problems: Problems): string {
  return `/${parseImagePath(text, position, problems).path}`;
}

function parseFileRule(item: Located, problems: Problems): FileRule {
  const fields = new LocatedFields(item);
  const mode = fields.text('mode');
  return {
    from: parseSourcePath(fields.text('from') ?? '', fields.position('from'), problems),
    to: parseImagePath(fields.text('to') ?? '', fields.position('to'), problems),
    mode: mode === undefined ? undefined : Number.parseInt(mode.replace(/^0o/, ''), 8),
    owner: parseOwner(fields.text('owner') ?? '0', fields.position('owner'), problems),
  };
}

function parseApp(fields: LocatedFields, position: Position, problems: Problems): AppRule {
  const kinds = appKinds.filter((kind) => fields.has(kind));
  const [kind = 'files'] = kinds;
  if (kinds.length !== 1) {
    problems.add(
      position,
      `app should have exactly one of ${appKinds.slice(0, -1).join(', ')} and ${appKinds.at(-1)}, not ${kinds.length || 'none'}`,
    );
  }
  // What an app is made of goes into a folder, also if it is one file.
  const { path } = parseImagePath(fields.text('to') ?? defaultAppFolder, fields.position('to'), problems);
  return {
    kind,
    from: parseSourcePath(fields.text(kind) ?? '.', fields.position(kind), problems),
    to: { path, isFolder: true },
  };
}

function parseBuildPlatform(text: string, position: Position, problems: Problems): Platform | undefined {
  try {
    const platform = parsePlatform(text);
    if (platform.os === 'linux') return platform;
    problems.add(position, `platform ${quote(text)} is not built: only Linux is`);
  } catch (error) {
    if (!(error instanceof SpecError)) throw error;
    problems.add(position, error.message);
  }
  return undefined;
}

/** The value that a parser of spec makes of a text; what the parser refuses becomes a problem at its place. */
function parsed<T>(
  fields: LocatedFields,
  key: string,
  parse: (text: string) => T,
  problems: Problems,
): T | undefined {
  try {
    return parse(fields.text(key) ?? '');
  } catch (error) {
    if (!(error instanceof SpecError)) throw error;
    problems.add(fields.position(key), error.message);
    return undefined;
  }
}
