import type { ExecutionConfig } from '@img/spec/image-config';
import { nearest } from '@img/spec/nearest';
import { quote } from '@img/spec/quote';
import type { AppStart } from '../app/app-plan.ts';
import { BuilderError } from '../builder-error.ts';
import type { Shebang } from '../deb/shebang.ts';
import type { RunRule } from '../recipe/image-recipe.ts';
import type { ImageTree } from './image-tree.ts';
import { defaultPath, mergeExecution } from './merge-execution.ts';

/** How an image is started, as far as it decides which program is. */
export type Start = {
  /** The program as it is written. */
  readonly program: string;
  readonly workingDir: string;
  /** Value of PATH. */
  readonly path: string;
};

/** Packages that programs are in which people name without thinking of a package. */
const packagesOfPrograms: { readonly [program: string]: string } = {
  awk: 'mawk',
  bash: 'bash',
  env: 'coreutils',
  java: 'default-jre-headless',
  node: 'nodejs',
  perl: 'perl-base',
  python3: 'python3',
  sh: 'dash',
};

/**
 * How the recipe starts the image; undefined if it has no command.
 *
 * @param base what the image below says, if there is one
 */
export function startOf(run: RunRule, defaults: AppStart, base?: ExecutionConfig): Start | undefined {
  const { entrypoint, cmd, env, workingDir } = mergeExecution(run, defaults, base);
  const [program] = [...entrypoint, ...cmd];
  if (program === undefined) return undefined;
  const path = env.find((variable) => variable.startsWith('PATH='))?.slice('PATH='.length);
  return { program, workingDir, path: path ?? defaultPath };
}

/** The path in the image of the program that is started, with all links followed; undefined if it isn't there. */
export function lookUpProgram(tree: ImageTree, start: Start): string | undefined {
  return placesOf(tree, start).find((place) => isRunnable(tree, place));
}

/**
 * Checks that a program is in the image and can be run, so that a mistake is seen when the image is built and not
 * when it is started.
 *
 * @param why what needs it, as the end of a sentence
 * @throws BuilderError PROGRAM_MISSING
 */
export function checkProgram(tree: ImageTree, start: Start, why: string): void {
  if (lookUpProgram(tree, start) !== undefined) return;
  const unrunnable = placesOf(tree, start).find((place) => tree.get(place) !== undefined);
  if (unrunnable === undefined) {
    throw new BuilderError('PROGRAM_MISSING', `${quote(start.program)} is not in the image, ${why}`, {
      hint: adviceFor(start, tree),
    });
  }
  const what = tree.get(unrunnable)?.type === 'directory' ? 'a folder' : 'not executable';
  throw new BuilderError('PROGRAM_MISSING', `${quote(`/${unrunnable}`)} in the image is ${what}, ${why}`, {
    hint: 'give the file mode "0755" under files, or make its source executable',
  });
}

/** The same for the programs that run a script. */
export function checkShebang(tree: ImageTree, script: string, shebang: Shebang, start: Start): void {
  const why = `and ${quote(`/${script}`)} is a script for it`;
  checkProgram(tree, { ...start, program: shebang.interpreter }, why);
  if (shebang.lookedUp !== undefined) checkProgram(tree, { ...start, program: shebang.lookedUp }, why);
}

/** Where the program could be, in the order in which it is looked for. */
function placesOf(tree: ImageTree, { program, workingDir, path }: Start): readonly string[] {
  if (program.startsWith('/')) return [tree.resolve(program)];
  const folders = program.includes('/') ? [workingDir] : path.split(':');
  return folders.map((folder) => tree.resolve(`${folder}/${program}`));
}

function isRunnable(tree: ImageTree, path: string): boolean {
  const entry = tree.get(path);
  return (entry?.type === 'file' || entry?.type === 'hardlink') && (entry.mode & 0o111) !== 0;
}

function adviceFor({ program, path }: Start, tree: ImageTree): string {
  const name = program.slice(program.lastIndexOf('/') + 1);
  const packageName = Object.hasOwn(packagesOfPrograms, name) ? packagesOfPrograms[name] : undefined;
  if (packageName !== undefined) return `Add ${packageName} to packages.`;
  const known = path.split(':').flatMap((folder) => tree.namesIn(tree.resolve(folder)));
  const similar = nearest(name, known);
  const otherwise = 'Add the package that has it to packages, or the file itself to files.';
  return similar === undefined ? otherwise : `did you mean ${similar}? ${otherwise}`;
}
