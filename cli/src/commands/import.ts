import { stat } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { BuilderError } from '@img/builder/builder-error';
import type { ImportNote } from '@img/builder/dockerfile/image-draft';
import { type ImportedDockerfile, importDockerfile } from '@img/builder/dockerfile/import-dockerfile';
import { readIfThere } from '@img/builder/read-if-there';
import { quote } from '@img/spec/quote';
import { parseRepositoryName } from '@img/spec/repository-name';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { parseArgument } from '../argument.ts';
import { CliError } from '../cli-error.ts';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { exitCodes } from '../exit-code.ts';
import { countOf } from '../output/measure.ts';
import { bold, type Line, red, yellow } from '../output/text.ts';
import { writeNewFile } from '../write-new-file.ts';

type ImportOptions = {
  readonly name?: string;
  readonly target?: string;
  readonly buildArg?: ReadonlyMap<string, string>;
  readonly print?: boolean;
};

export function configure(command: Command, context: CommandContext): void {
  command
    .argument('[dockerfile]', 'the Dockerfile, or a folder that has one', '.')
    .argument(
      '[folder]',
      "what COPY copies from, where the img.yaml goes; the Dockerfile's own folder if absent",
    )
    .option('--name <name>', "of the image; made of the folder's if absent")
    .option('--target <stage>', 'the stage that is the image; the last one if absent')
    .addOption(
      new Option('--build-arg <name=value>', 'a value for an ARG; may be repeated').argParser(
        collectArgument,
      ),
    )
    .option('--print', 'print the img.yaml instead of writing it')
    .addHelpText(
      'after',
      '\nWhat an img.yaml can not say is told line by line, with what to do instead, and stands as comments in the file.\n' +
        'The exit code is 1 if there is such a line, and 0 if the image is all there.\n',
    );
  addExamples(
    command,
    'img import Dockerfile',
    'img import docker/web.Dockerfile . --target web',
    'img import --print',
  );
  onRun(command, context, importFile);
}

async function importFile(
  session: Session,
  { name, target, buildArg, print }: ImportOptions,
  path: string,
  folder: string | undefined,
): Promise<void> {
  const { output, setExitCode } = session;
  const file = await dockerfileAt(path);
  const context = folder ?? dirname(file);
  await checkFolder(context);
  const bytes = await readIfThere(file);
  if (bytes === undefined) throw missing(file);
  const imported = await importDockerfile(bytes, {
    file,
    folder: context,
    name: name === undefined ? undefined : parseArgument(parseRepositoryName, name),
    target,
    given: buildArg,
  });
  const place = join(context, 'img.yaml');
  if (print !== true && !(await writeNewFile(place, imported.text, 0o644))) {
    throw new CliError('FILE_EXISTS', `there is an img.yaml already: ${quote(place)}`, {
      hint: 'img import --print shows what would be in it; remove the file to have it written',
    });
  }
  show(session, imported, { file, place: print === true ? undefined : place });
  if (leftOf(imported).length > 0) setExitCode(exitCodes.failed);
  else if (print !== true)
    output.story(
      'img build makes the image of it; what the app writes needs img run --tmpfs, --volume or --writable',
    );
}

/** A path as it is, or the Dockerfile in a folder. */
async function dockerfileAt(path: string): Promise<string> {
  const status = await stat(path).catch(() => undefined);
  if (status === undefined) throw missing(path);
  return status.isDirectory() ? join(path, 'Dockerfile') : path;
}

async function checkFolder(path: string): Promise<void> {
  const status = await stat(path).catch(() => undefined);
  if (status?.isDirectory() !== true) throw missing(path, 'folder');
}

function missing(path: string, what = 'Dockerfile'): BuilderError {
  return new BuilderError('DOCKERFILE_MISSING', `there is no ${what} ${quote(path)}`, {
    hint: 'name the file, and behind it the folder that it is built in: img import docker/Dockerfile .',
  });
}

function show(
  { output }: Session,
  imported: ImportedDockerfile,
  { file, place }: { readonly file: string; readonly place: string | undefined },
): void {
  const { text, notes, instructions } = imported;
  const left = leftOf(imported);
  const changed = notes.filter(({ outcome }) => outcome === 'changed');
  const shown = notes.filter(({ outcome }) => outcome !== 'taken' || output.isVerbose);
  const lines = shown.flatMap((note) => noteLines(note, file));
  const document = {
    dockerfile: file,
    file: place ?? null,
    recipe: text,
    instructions,
    notes: notes.map(noteDocument),
  };
  // The report is what was asked for, unless that is the file itself: then it goes beside it.
  if (place !== undefined) output.result(document, () => [...lines, [bold(place)]]);
  else {
    output.story(...lines);
    if (output.isJson) output.result(document, () => []);
    else output.raw(text);
  }
  const told = [
    ...(changed.length === 0 ? [] : [`${countOf(changed.length, 'thing')} said in another way`]),
    left.length === 0 ? 'nothing left out' : `${countOf(left.length, 'thing')} left to do`,
  ];
  output.story(`${countOf(instructions, 'instruction')}: ${told.join(', ')}`);
}

function leftOf({ notes }: ImportedDockerfile): readonly ImportNote[] {
  return notes.filter(({ outcome }) => outcome === 'left');
}

function noteLines({ line, text, outcome, message, advice }: ImportNote, file: string): readonly Line[] {
  const mark = outcome === 'left' ? red('left') : outcome === 'changed' ? yellow('changed') : 'taken';
  const short = text.length > 100 ? `${text.slice(0, 99)}…` : text;
  return [
    [`${file}:${line}: `, mark, `: ${short}`],
    `    ${message}`,
    ...(advice === undefined ? [] : [`    ${outcome === 'left' ? 'instead' : 'hint'}: ${advice}`]),
  ];
}

function noteDocument({ line, text, outcome, message, advice }: ImportNote): object {
  return { line, text, outcome, message, advice: advice ?? null };
}

function collectArgument(
  text: string,
  before: ReadonlyMap<string, string> = new Map(),
): ReadonlyMap<string, string> {
  const equals = text.indexOf('=');
  if (equals < 1) throw new InvalidArgumentError('It should be NAME=VALUE.');
  return new Map([...before, [text.slice(0, equals), text.slice(equals + 1)]]);
}
