import { readFile } from 'node:fs/promises';
import { basename, posix } from 'node:path';
import { quote } from '@img/spec/quote';
import { BuilderError } from '../builder-error.ts';
import { readIgnoreRules } from '../files/read-ignore-rules.ts';
import { type SourceEntry, walkSource } from '../files/walk-source.ts';
import type { LayerDraft } from '../image/layer-draft.ts';
import { mapParallel } from '../map-parallel.ts';
import { openZip } from '../zip/open-zip.ts';
import type { AppContext, AppLayer, AppPlan } from './app-plan.ts';
import { checkedArchive, fetchArchive } from './fetch-archive.ts';
import { findWheel } from './find-wheel.ts';
import { type InstalledFile, installWheel, type VirtualEnvironment } from './install-wheel.ts';
import { splitLarge } from './large-packages.ts';
import { markerHolds } from './marker.ts';
import { type FoundPython, findPython, markerEnvironment } from './python-host.ts';
import { parseRequirements, type Requirement } from './requirements.ts';
import { sourceLayer } from './source-layer.ts';

type Installed = {
  readonly name: string;
  readonly files: readonly InstalledFile[];
  readonly sizeBytes: number;
};

/** What Python leaves in a folder of sources, and what is made anew elsewhere. */
const leftovers = ['**/__pycache__', '**/*.pyc', '**/.venv', '**/.pytest_cache', '**/.mypy_cache'];

/** What `python3 FOLDER` and most people start. */
const mains = ['main.py', 'app.py', '__main__.py'];

const root = { uid: 0, gid: 0 };
const maxRequirementsBytes = 4 * 1024 * 1024;
const concurrency = 6;

/**
 * A Python app: the wheels that its requirements.txt names in an environment of their own, and above that its own
 * files.
 *
 * @throws BuilderError APP_INVALID, APP_UNSUPPORTED, PACKAGE_MISMATCH, ZIP_INVALID, ARCHIVE_*, SOURCE_*
 */
export async function planPython(context: AppContext): Promise<AppPlan> {
  const { rule, folder } = context;
  const { from, to } = rule;
  const entries = await walkSource(folder, from, await readIgnoreRules(folder, leftovers));
  const isFile = entries[0]?.type === 'file';
  const main = isFile ? basename(from) : mains.find((name) => entries.some(({ path }) => path === name));
  const workingDir = `/${to.path}`;
  const wheels = await planWheels(entries, context);
  const python = wheels === undefined ? 'python3' : `/${wheels.environment.folder}/bin/python`;
  // Unbuffered, so that what the app prints is seen when it prints it.
  const cmd = main === undefined ? [] : [python, '-u', posix.join(workingDir, main)];
  const env = wheels === undefined ? [] : ([['PATH', `/${wheels.environment.folder}/bin`]] as const);
  return {
    layers: [...(wheels?.layers ?? []), sourceLayer(rule, entries)],
    start: { cmd, env: new Map(env), workingDir },
  };
}

async function planWheels(
  entries: readonly SourceEntry[],
  context: AppContext,
): Promise<{ readonly environment: VirtualEnvironment; readonly layers: readonly AppLayer[] } | undefined> {
  const { rule, tree } = context;
  const entry = entries.find(({ path, type }) => path === 'requirements.txt' && type === 'file');
  const file = posix.join(rule.from, 'requirements.txt');
  if (entry === undefined) return undefined;
  if (entry.sizeBytes > maxRequirementsBytes)
    throw new BuilderError('APP_INVALID', `${quote(file)} is too long`);
  const { packages, index } = parseRequirements(await readFile(entry.location, 'utf8'), file);
  if (packages.length === 0) return undefined;
  const python = findPython(context, tree);
  const conditions = markerEnvironment(python);
  const wanted = packages.filter(
    ({ marker }) => marker === undefined || markerHolds(marker, conditions, file),
  );
  const environment = { folder: posix.join(rule.to.path, '.venv'), python: python.python };
  const installed = await mapParallel(wanted, concurrency, async (each) => {
    return await install(each, { ...context, environment, python, index: context.pythonIndex ?? index });
  });
  return { environment, layers: layersOf(installed, environment, python) };
}

type InstallContext = AppContext & {
  readonly environment: VirtualEnvironment;
  readonly python: FoundPython;
  readonly index: string | undefined;
};

const usualIndex = 'https://pypi.org/simple';

async function install(wanted: Requirement, context: InstallContext): Promise<Installed> {
  const { python: host, index = usualIndex, cacheFolder, environment, onProgress, signal } = context;
  const { file, url, digest } = await findWheel(wanted, { host, index, cacheFolder, signal });
  const options = { digest, what: file, cacheFolder, onProgress, signal };
  const path = await fetchArchive(async () => url, options);
  // Its members are read later and in any order; their checksums are no digests.
  for await (const chunk of checkedArchive(path, options)) void chunk;
  const files = await installWheel(await openZip(path, file), environment, file);
  const sizeBytes = files.reduce((sum, { content }) => sum + content.sizeBytes, 0);
  return { name: `${wanted.name} ${wanted.version}`, files, sizeBytes };
}

/** The layers of wheels: large ones alone, the others together with the environment. */
function layersOf(
  installed: readonly Installed[],
  environment: VirtualEnvironment,
  python: FoundPython,
): readonly AppLayer[] {
  const { large, small } = splitLarge(installed, ({ name }) => name);
  return [
    ...large.map((each) => ({
      what: `Python package ${each.name}`,
      add: (draft: LayerDraft) => addWheel(draft, each),
    })),
    {
      what: `${small.length} Python packages`,
      add: (draft) => {
        addEnvironment(draft, environment, python);
        for (const each of small) addWheel(draft, each);
      },
    },
  ];
}

function addWheel(draft: LayerDraft, { files, name }: Installed): void {
  for (const { path, isExecutable, content } of files) {
    draft.addFile(path, { ...root, mode: isExecutable ? 0o755 : 0o644 }, content, name);
  }
}

/** What makes a folder an environment of its own (PEP 405). It sees Debian's packages, too: all of them were asked for. */
function addEnvironment(
  draft: LayerDraft,
  { folder, python }: VirtualEnvironment,
  { path }: FoundPython,
): void {
  const what = 'the Python environment';
  const bytes = Buffer.from(
    `home = ${posix.dirname(path)}\ninclude-system-site-packages = true\nversion = ${python}\n`,
  );
  draft.addFile(
    `${folder}/pyvenv.cfg`,
    { ...root, mode: 0o644 },
    { sizeBytes: bytes.byteLength, read: () => [bytes] },
    what,
  );
  draft.addLink(`${folder}/bin/python`, path, root, what);
  draft.addLink(`${folder}/bin/python3`, 'python', root, what);
}
