import { readFile } from 'node:fs/promises';
import { posix } from 'node:path';
import { parseJson } from '@img/spec/json';
import { quote } from '@img/spec/quote';
import { SpecError } from '@img/spec/spec-error';
import { BuilderError } from '../builder-error.ts';
import { Spool } from '../deb/spool.ts';
import { writingTo } from '../debian/cache-folder.ts';
import { readIgnoreRules } from '../files/read-ignore-rules.ts';
import { type SourceEntry, walkSource } from '../files/walk-source.ts';
import type { LayerDraft } from '../image/layer-draft.ts';
import { mapParallel } from '../map-parallel.ts';
import type { AppContext, AppLayer, AppPlan, AppStart } from './app-plan.ts';
import { checkedArchive, fetchArchive } from './fetch-archive.ts';
import { splitLarge } from './large-packages.ts';
import { type NpmFile, unpackNpm } from './npm-archive.ts';
import { type NpmLock, type NpmPackage, parseNpmLock, readPackageJson } from './npm-lock.ts';
import { runsOn } from './npm-platform.ts';
import { sourceLayer } from './source-layer.ts';

type Unpacked = NpmPackage & { readonly files: readonly NpmFile[]; readonly sizeBytes: number };

const leftovers = ['**/node_modules', '**/npm-debug.log', '**/.npm'];
const root = { uid: 0, gid: 0 };
const maxSourceBytes = 64 * 1024 * 1024;
const concurrency = 6;

/**
 * A Node.js app: what its package-lock.json names, as npm would install it without running any script, and above
 * that its own files.
 *
 * @throws BuilderError APP_INVALID, APP_UNSUPPORTED, PACKAGE_MISMATCH, ARCHIVE_*, SOURCE_*
 */
export async function planNode(context: AppContext): Promise<AppPlan> {
  const { rule, folder } = context;
  const entries = await walkSource(folder, rule.from, await readIgnoreRules(folder, leftovers));
  const [first] = entries;
  if (first?.type === 'file') {
    const start = {
      cmd: ['node', `/${posix.join(rule.to.path, posix.basename(rule.from))}`],
      env: production,
    };
    return { layers: [sourceLayer(rule, entries)], start };
  }
  const lockFile = entries.find(({ path }) => path === 'package-lock.json' || path === 'npm-shrinkwrap.json');
  const lock = await readLock(lockFile, entries, rule.from);
  const unpacked = await unpackAll(lock, context);
  const start = await startOf(entries, context);
  return { layers: [...thirdParty(unpacked, lock, context), sourceLayer(rule, entries)], start };
}

const production: ReadonlyMap<string, string> = new Map([['NODE_ENV', 'production']]);

async function readLock(
  lockFile: SourceEntry | undefined,
  entries: readonly SourceEntry[],
  from: string,
): Promise<NpmLock> {
  if (lockFile !== undefined) return parseNpmLock(await readWhole(lockFile), posix.join(from, lockFile.path));
  const description = await describe(entries);
  if (description?.hasDependencies !== true) return { packages: [], links: new Map() };
  throw new BuilderError(
    'APP_INVALID',
    `${quote(from)} has a package.json with dependencies, but no package-lock.json`,
    {
      hint: 'make one with npm install --package-lock-only, and keep it in version control',
    },
  );
}

async function describe(entries: readonly SourceEntry[]) {
  const entry = entries.find(({ path, type }) => path === 'package.json' && type === 'file');
  if (entry === undefined) return undefined;
  try {
    const value = parseJson(await readWhole(entry), { maxBytes: maxSourceBytes });
    const { dependencies = {} } = value as { dependencies?: object };
    return { ...readPackageJson(value), hasDependencies: Object.keys(dependencies ?? {}).length > 0 };
  } catch (cause) {
    if (!(cause instanceof SpecError)) throw cause;
    throw new BuilderError('APP_INVALID', `package.json can't be read: ${cause.message}`, { cause });
  }
}

async function readWhole({ location, sizeBytes, path }: SourceEntry): Promise<Uint8Array> {
  if (sizeBytes <= maxSourceBytes) return await readFile(location);
  throw new BuilderError('APP_INVALID', `${quote(path)} is longer than ${maxSourceBytes} bytes`);
}

async function unpackAll({ packages }: NpmLock, context: AppContext): Promise<readonly Unpacked[]> {
  const { onProgress, resources, cacheFolder, signal, npmRegistry } = context;
  const wanted = packages.filter((each) => isWanted(each, context));
  const options = (each: NpmPackage) => {
    return { digest: each.digest, what: `${each.name}@${each.version}`, cacheFolder, onProgress, signal };
  };
  const paths = await mapParallel(wanted, concurrency, async (each) => {
    return await fetchArchive(async () => addressOf(each, npmRegistry), options(each));
  });
  const spool = resources.use(await Spool.create(cacheFolder));
  const result: Unpacked[] = [];
  for (const [index, each] of wanted.entries()) {
    const archive = checkedArchive(paths[index] ?? '', options(each));
    const files = await writingTo(cacheFolder, () => unpackNpm(archive, spool, options(each).what));
    const sizeBytes = files.reduce((sum, { content }) => sum + content.sizeBytes, 0);
    result.push({ ...each, files, sizeBytes });
    if (each.hasInstallScript) {
      const text = `${each.name}@${each.version} has an install script, which was not run; what it would have made is not in the image`;
      onProgress?.({ kind: 'note', text });
    }
  }
  return result;
}

function isWanted(each: NpmPackage, { platform, tree, rule }: AppContext): boolean {
  if (runsOn(each, platform, tree)) return true;
  if (each.isOptional) return false;
  throw new BuilderError(
    'APP_UNSUPPORTED',
    `${quote(rule.from)} needs ${each.name}@${each.version}, which is not made for ${platform.os}/${platform.architecture}`,
  );
}

/** Locks name npm's own registry, whichever one they were made with; packages come from the configured one. */
function addressOf({ name, version, url }: NpmPackage, registry: string): string {
  const base = registry.replace(/\/+$/, '');
  const usual = `${base}/${name}/-/${name.slice(name.indexOf('/') + 1)}-${version}.tgz`;
  return url === undefined ? usual : url.replace(/^https?:\/\/registry\.npmjs\.org(?=\/)/, () => base);
}

/** The layers of third-party packages: large ones alone, the others together. */
function thirdParty(unpacked: readonly Unpacked[], lock: NpmLock, { rule }: AppContext): readonly AppLayer[] {
  const { large, small } = splitLarge(unpacked, ({ path }) => path);
  const base = `/${rule.to.path}`;
  return [
    ...large.map((each): AppLayer => {
      return {
        what: `npm package ${each.name}@${each.version}`,
        add: (draft) => addPackage(draft, each, base),
      };
    }),
    {
      what: `${small.length} npm packages`,
      add: (draft) => {
        for (const each of small) addPackage(draft, each, base);
        for (const each of unpacked) addPrograms(draft, each, base);
        for (const [path, target] of lock.links) {
          draft.addLink(
            posix.join(base, path).slice(1),
            posix.relative(posix.dirname(path), target),
            root,
            path,
          );
        }
      },
    },
  ];
}

function addPackage(draft: LayerDraft, { path, files, programs }: Unpacked, base: string): void {
  const executables = new Set(programs.values());
  for (const file of files) {
    const mode = file.isExecutable || executables.has(file.path) ? 0o755 : 0o644;
    draft.addFile(posix.join(base, path, file.path).slice(1), { ...root, mode }, file.content, path);
  }
}

function addPrograms(draft: LayerDraft, { path, programs, files }: Unpacked, base: string): void {
  // A package may be installed under another name than its own.
  const nameAt = path.lastIndexOf('node_modules/') + 'node_modules/'.length;
  const [folder, name] = [path.slice(0, nameAt), path.slice(nameAt)];
  for (const [program, target] of programs) {
    if (!files.some((file) => file.path === target)) continue;
    const link = posix.join(base, folder, '.bin', program).slice(1);
    draft.addLink(link, posix.join('..', name, target), root, path);
  }
}

/** What `npm start` would run, if it needs no shell, else the main module. */
async function startOf(entries: readonly SourceEntry[], { rule }: AppContext): Promise<AppStart> {
  const description = await describe(entries);
  const files = new Set(entries.filter(({ type }) => type === 'file').map(({ path }) => path));
  const [, script] = /^node (?:\.\/)?([\w./@-]+)$/.exec(description?.start ?? '') ?? [];
  const main = description?.main?.replace(/^\.\//, '');
  const candidates = [
    script,
    main,
    main && `${main}.js`,
    main && `${main}/index.js`,
    'server.js',
    'index.js',
    'app.js',
    'main.js',
  ];
  const found = candidates.find((name) => name !== undefined && files.has(name));
  const workingDir = `/${rule.to.path}`;
  const cmd = found === undefined ? [] : ['node', posix.join(workingDir, found)];
  return { cmd, env: production, workingDir };
}
