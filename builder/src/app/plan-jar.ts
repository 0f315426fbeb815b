import { basename, dirname, posix } from 'node:path';
import { collect } from '@img/spec/collect';
import { quote } from '@img/spec/quote';
import { BuilderError } from '../builder-error.ts';
import { parseIgnoreRules } from '../files/ignore-rules.ts';
import { readSource } from '../files/read-source.ts';
import { walkSource } from '../files/walk-source.ts';
import type { DraftContent } from '../image/layer-draft.ts';
import type { AppRule } from '../recipe/image-recipe.ts';
import { openZip, type ZipFile } from '../zip/open-zip.ts';
import type { AppContext, AppLayer, AppPlan } from './app-plan.ts';
import { explodeJar } from './explode-jar.ts';
import { type JarManifest, parseJarManifest } from './jar-manifest.ts';

/** Where a jar goes, and what belongs to it. */
type JarPlace = {
  /** Without a leading slash. */
  readonly jar: string;
  /** The folder of its libraries. */
  readonly libraries: string;
};

const maxManifestBytes = 4 * 1024 * 1024;
const ordinary = { mode: 0o644, uid: 0, gid: 0 };

/**
 * A Java program. Libraries that change with a new version of the app only if it takes another version of them
 * get a layer of their own, snapshots another, and the app's own classes the last one.
 *
 * @throws BuilderError APP_INVALID, ZIP_INVALID, SOURCE_*
 */
export async function planJar({ rule, folder }: AppContext): Promise<AppPlan> {
  // What was built is often ignored, and is asked for by its name here.
  const rules = parseIgnoreRules('', '');
  const [entry] = await walkSource(folder, rule.from, rules);
  if (entry?.type !== 'file') {
    throw new BuilderError('APP_INVALID', `${quote(rule.from)} is a folder, not a jar`, {
      hint: 'name the jar that the build made, for example target/app.jar or build/libs/app.jar',
    });
  }
  const zip = await openZip(entry.location, rule.from);
  const manifest = await manifestOf(zip, rule.from);
  const place = placeOf(rule);
  const libraryFolder = posix.relative(dirname(`/${place.jar}`), `/${place.libraries}`);
  const exploded = await explodeJar(zip, manifest, { name: rule.from, libraryFolder });
  const own = exploded?.own ?? { sizeBytes: entry.sizeBytes, read: () => readSource(entry) };
  const libraries =
    exploded === undefined
      ? await besideJar(manifest, place, { rule, folder })
      : new Map([...exploded.libraries].map(([name, content]) => [`${place.libraries}/${name}`, content]));
  const start = { cmd: ['java', '-jar', `/${place.jar}`], env: new Map() };
  return { layers: layersOf(libraries, { place, own, name: rule.from }), start };
}

async function manifestOf(zip: ZipFile, name: string): Promise<JarManifest> {
  const entry = zip.entries.find(({ path }) => path.toUpperCase() === 'META-INF/MANIFEST.MF');
  const bytes = entry && (await collect(zip.read(entry), maxManifestBytes, `manifest of ${quote(name)}`));
  const manifest = bytes === undefined ? new Map<string, string>() : parseJarManifest(bytes, name);
  if (manifest.has('Main-Class')) return manifest;
  throw new BuilderError(
    'APP_INVALID',
    `${quote(name)} names no Main-Class in its manifest, so java -jar can't start it`,
    {
      hint: 'build an executable jar; for a library without a program, use app: {files: …} and run.cmd',
    },
  );
}

/** `to` names the folder of the app, or the jar itself: then its libraries go into a folder named like it. */
function placeOf({ from, to }: AppRule): JarPlace {
  if (to.path.endsWith('.jar')) return { jar: to.path, libraries: `${to.path.slice(0, -'.jar'.length)}/lib` };
  const inside = (name: string) => [to.path, name].filter((part) => part !== '').join('/');
  return { jar: inside(basename(from)), libraries: inside('lib') };
}

/** The libraries that lie beside a jar, where its Class-Path says, and stay where they are relative to it. */
async function besideJar(
  manifest: JarManifest,
  { jar }: JarPlace,
  { rule, folder }: Pick<AppContext, 'rule' | 'folder'>,
): Promise<ReadonlyMap<string, DraftContent>> {
  const result = new Map<string, DraftContent>();
  for (const url of (manifest.get('Class-Path') ?? '').split(' ').filter((text) => text !== '')) {
    const path = decodeURI(url);
    const from = posix.join(dirname(rule.from), path);
    const to = posix.join(dirname(jar), path);
    if (path.startsWith('/') || path.includes(':') || from.startsWith('..') || to.startsWith('..')) {
      throw new BuilderError(
        'APP_INVALID',
        `${quote(rule.from)} has ${quote(url)} in its Class-Path, which is not below the folder of the img.yaml`,
      );
    }
    for (const entry of await walkSource(folder, from, parseIgnoreRules('', ''))) {
      const place = entry.path === '' ? to : `${to}/${entry.path}`;
      if (entry.type !== 'file') continue;
      result.set(place, { sizeBytes: entry.sizeBytes, read: () => readSource(entry) });
    }
  }
  return result;
}

function layersOf(
  libraries: ReadonlyMap<string, DraftContent>,
  { place, own, name }: { readonly place: JarPlace; readonly own: DraftContent; readonly name: string },
): readonly AppLayer[] {
  const all = [...libraries];
  const snapshots = all.filter(([path]) => path.endsWith('-SNAPSHOT.jar'));
  const released = all.filter((each) => !snapshots.includes(each));
  return [
    { what: `libraries of ${name}`, add: adding(released) },
    { what: `snapshots of libraries of ${name}`, add: adding(snapshots) },
    { what: `app ${name}`, add: adding([[place.jar, own]]) },
  ];
}

function adding(files: readonly (readonly [path: string, content: DraftContent])[]): AppLayer['add'] {
  return (draft) => {
    for (const [path, content] of files) draft.addFile(path, ordinary, content, 'the jar');
  };
}
