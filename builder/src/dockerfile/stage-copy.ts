import { posix } from 'node:path';
import { type Copy, fileOf, packageOfFile, sourcePath } from './copy.ts';
import { isHousekeeping } from './housekeeping.ts';
import { installOf } from './install-commands.ts';
import type { Instruction } from './parse-dockerfile.ts';
import { commandsOf } from './run-commands.ts';
import { shellCommands } from './shell-commands.ts';
import type { SourceFolder } from './source-folder.ts';
import { chainOf, type Stage } from './stages.ts';
import type { TranslateContext } from './translate-context.ts';

/** From where in the folder of the Dockerfile to where in a stage something is copied. */
type Place = { readonly to: string; readonly from: string };

/** What a stage does before its result is copied. */
type StageWork = {
  readonly places: readonly Place[];
  readonly installs: readonly {
    readonly kind: 'python' | 'node';
    readonly list: string;
    readonly line: number;
  }[];
  /** What has to be run, for people. */
  readonly commands: readonly string[];
  readonly line: number;
};

/** COPY --from of a stage: an img.yaml has no stages, so what they make is made before the image, and taken from the folder. */
export async function copyFromStage(copy: Copy, stage: Stage, context: TranslateContext): Promise<void> {
  const { draft, source } = context;
  const work = await workOf(stage, context);
  for (const written of copy.sources) {
    const path = posix.resolve('/', written);
    const known = packageOfFile(path);
    if (known !== undefined && draft.addPackage(known)) {
      draft.note(copy.line, copy.written, 'taken', `the package ${known} has it`);
      continue;
    }
    const install = work.installs.find(({ kind }) => holdsInstalled(kind, path));
    if (install !== undefined) {
      draft.installs.push(install);
      draft.note(copy.line, copy.written, 'taken', `app installs what ${install.list} names`);
      continue;
    }
    const from = placeOf(path, work);
    const kind = await source.kindOf(from);
    const guessed = written.endsWith('/') || usualFolders.has(posix.basename(from)) ? 'folder' : 'file';
    const file = fileOf(copy, from, kind ?? guessed);
    const isProgram = !file.isFolder && !posix.basename(from).includes('.');
    draft.files.push(isProgram && file.mode === undefined ? { ...file, mode: '0755' } : file);
    if (work.commands.length === 0 && kind !== undefined) continue;
    const what = stage.name === undefined ? 'a stage' : `the stage ${stage.name}`;
    const message = `${what} (from line ${work.line}) makes ${path}; files takes it from ${from} in this folder`;
    draft.note(
      copy.line,
      copy.written,
      kind === undefined ? 'left' : 'changed',
      message,
      adviceOf(work, from),
    );
  }
}

// What isn't there yet can only be told by its name.
const usualFolders = new Set([
  '.next',
  '.output',
  '_site',
  'build',
  'dist',
  'html',
  'lib',
  'out',
  'output',
  'public',
  'static',
  'www',
]);

function adviceOf({ commands }: StageWork, from: string): string {
  if (commands.length === 0) return `make ${from} before you build the image`;
  const text = commands.join(' && ');
  const shown = text.length > 300 ? `${text.slice(0, 300)}…` : text;
  return `make ${from} before you build the image, as the stage does: ${shown}`;
}

function holdsInstalled(kind: 'python' | 'node', path: string): boolean {
  return kind === 'node'
    ? /\/node_modules\/?$/.test(path)
    : /(?:^|\/)(?:\.?venv|site-packages|dist-packages|\.local|install|wheels)(?:\/|$)|^\/usr\/local\/(?:bin|lib)/.test(
        path,
      );
}

/** Where in the folder something is that a stage has at a path: where it copied the folder to, or under its own name. */
function placeOf(path: string, { places }: StageWork): string {
  const place = places
    .filter(({ to }) => path === to || path.startsWith(to === '/' ? '/' : `${to}/`))
    .toSorted((a, b) => b.to.length - a.to.length)[0];
  if (place === undefined) return posix.basename(path) || '.';
  return sourcePath(posix.join(place.from, posix.relative(place.to, path)));
}

async function workOf(stage: Stage, { stages, draft, source }: TranslateContext): Promise<StageWork> {
  const places: Place[] = [];
  const installs: { kind: 'python' | 'node'; list: string; line: number }[] = [];
  const commands: string[] = [];
  let workdir = '/';
  const chain = chainOf(
    { ...stages, all: stages.all.slice(0, stages.all.indexOf(stage) + 1) },
    undefined,
    '',
  );
  for (const instruction of chain.flatMap(({ instructions }) => instructions)) {
    const { keyword, flags, line } = instruction;
    if (keyword === 'WORKDIR') workdir = posix.resolve(workdir, draft.words(instruction.text).join(' '));
    if (keyword === 'COPY' && !flags.has('from'))
      places.push(
        ...(await placesOf(instruction, { workdir, plain: draft.words(instruction.text), source })),
      );
    if (keyword !== 'RUN') continue;
    for (const command of commandsOf(instruction, (text) => shellCommands(text, draft.lookup)) ?? []) {
      const install = command.words && installOf(command.words);
      if (install !== undefined) installs.push({ ...install, line });
      else if (command.words === undefined || !isHousekeeping(command.words))
        commands.push(withOutput(command.text));
    }
  }
  return { places, installs, commands, line: stage.from.line };
}

/** Of what a folder is copied to, the paths tell what it was here; of several sources and of patterns they don't. */
async function placesOf(
  { list }: Instruction,
  { workdir, plain, source }: { workdir: string; plain: readonly string[]; source: SourceFolder },
): Promise<readonly Place[]> {
  const words = list ?? plain;
  const [only = '', ...others] = words.slice(0, -1).map(sourcePath);
  if (others.length > 0 || (await source.kindOf(only)) === 'file' || /[*?[]|^$/.test(only)) return [];
  return [{ to: posix.resolve(workdir, words.at(-1) ?? '.'), from: only }];
}

/** Programs go into this folder instead of one of the stage. */
function withOutput(command: string): string {
  return command
    .replace(/(\sgo build\b.*?\s-o[ =])(\/\S*\/)/, '$1')
    .replace(/^(go build\b.*?\s-o[ =])(\/\S*\/)/, '$1');
}
