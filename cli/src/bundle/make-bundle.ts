import { isAscii } from 'node:buffer';
import { createHash } from 'node:crypto';
import { stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { writeFileAtomic } from '@img/registry/storage/write-file-atomic';
import { build } from 'esbuild';
import {
  ExternalBuiltins,
  externalPackages,
  keptPlaces,
  onlyCommand,
  undiciParts,
} from './bundle-plugins.ts';
import { wrapBundle } from './wrap-bundle.ts';

/** What a file was when a bundle was made of it: path from the root of the repository, size, times. */
export type InputStamp = readonly [path: string, sizeBytes: number, mtimeMs: number, ctimeMs: number];

/** The file beside a bundle by which bin/img.js sees whether it is still that of the sources. */
export type BundleStamps = {
  readonly root: string;
  readonly inputs: readonly InputStamp[];
  /** How to read it. */
  readonly encoding: 'latin1' | 'utf8';
};

// How far the time of a change may be behind the clock: one tick of the slowest kernel.
const clockStepMs = 10;

const root = join(import.meta.dirname, '../../..');
const makers = ['bundle-plugins.ts', 'hot-verbs.ts', 'wrap-bundle.ts', 'make-bundle.ts'].map((name) =>
  join(import.meta.dirname, name),
);

/**
 * Makes one file, `NAME.cjs`, of the command with everything that it imports of this repository: loading 300 modules one by
 * one takes longer than most commands. Beside it, `NAME.json` says of what it was made. Commands that start
 * meanwhile use what was there, or the sources.
 *
 * @param folder exists
 * @param verb the only command in it, and its name; without it, all of them, named `img`
 * @returns undefined, or the path of a file that was changed meanwhile: there is no new bundle then
 */
export async function makeBundle(folder: string, verb?: string): Promise<string | undefined> {
  const name = verb ?? 'img';
  const startedAt = Date.now();
  const builtins = new ExternalBuiltins();
  const { outputFiles, metafile } = await build({
    absWorkingDir: root,
    entryPoints: ['cli/src/main.ts'],
    outfile: join(folder, `${name}.cjs`),
    bundle: true,
    write: false,
    metafile: true,
    // A module that is imported when needed is evaluated then, although it is in the same file; Node's loader of
    // CommonJS costs less than that of ES modules.
    format: 'cjs',
    platform: 'node',
    target: 'node24',
    // Less to read; names stay as they are, for errors. The packages stand beside it with their licences; some have
    // the names of their authors in other characters than ASCII, for which V8 needs twice the memory.
    minifyWhitespace: true,
    minifySyntax: true,
    legalComments: 'none',
    logLevel: 'silent',
    plugins: [
      undiciParts,
      externalPackages,
      keptPlaces,
      builtins.plugin,
      ...(verb === undefined ? [] : [onlyCommand(verb)]),
    ],
  });
  // Those with a colon are made up by a plugin, not read.
  const files = Object.keys(metafile.inputs)
    .filter((path) => !path.includes(':'))
    .map((path) => join(root, path));
  const inputs = await Promise.all([...files, ...makers].map(stampOf));
  const changed = inputs.find(([, , , ctimeMs]) => ctimeMs > startedAt - clockStepMs);
  if (changed !== undefined) return changed[0];
  const code = wrapBundle(outputFiles.map(({ text }) => text).join(''), builtins.found);
  const encoding = isAscii(Buffer.from(code)) ? 'latin1' : 'utf8';
  // By which bin/img.js finds what it has kept of exactly this code.
  const id = createHash('sha256').update(code).digest('hex').slice(0, 16);
  const contents = `${code}\n//${id}`;
  const stamps: BundleStamps = { root, inputs, encoding };
  await writeFileAtomic(join(folder, `${name}.cjs`), contents);
  await writeFileAtomic(join(folder, `${name}.json`), JSON.stringify(stamps));
  return undefined;
}

async function stampOf(path: string): Promise<InputStamp> {
  const { size, mtimeMs, ctimeMs } = await stat(path);
  return [relative(root, path), size, mtimeMs, ctimeMs];
}
