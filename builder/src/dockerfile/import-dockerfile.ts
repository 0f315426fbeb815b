import { basename, resolve } from 'node:path';
import { BuilderError } from '../builder-error.ts';
import { imageNameOf } from '../recipe/image-name.ts';
import { parseRecipe } from '../recipe/parse-recipe.ts';
import { baseImageOf } from './base-images.ts';
import { finishApp } from './finish-app.ts';
import { finishBase } from './finish-base.ts';
import { finishFolders } from './finish-folders.ts';
import { finishGo } from './finish-go.ts';
import { finishPatterns } from './finish-patterns.ts';
import { finishStart } from './finish-start.ts';
import { finishUsers } from './finish-users.ts';
import { ImageDraft, type ImportNote } from './image-draft.ts';
import { type Instruction, invalid, parseDockerfile } from './parse-dockerfile.ts';
import { recipeText } from './recipe-text.ts';
import { TooLongError } from './shell-words.ts';
import { SourceFolder } from './source-folder.ts';
import { chainOf, type Stage, stagesOf } from './stages.ts';
import type { TranslateContext } from './translate-context.ts';
import { translateInstruction } from './translate-instruction.ts';

export type ImportOptions = {
  /** How messages name the Dockerfile. */
  readonly file: string;
  /** What COPY copies from; the img.yaml belongs there. */
  readonly folder: string;
  /** Of the image; made of the folder's if absent. */
  readonly name?: string | undefined;
  /** The stage that is the image; the last one if absent. */
  readonly target?: string | undefined;
  /** What counts more than the values that ARG gives. */
  readonly given?: ReadonlyMap<string, string> | undefined;
};

export type ImportedDockerfile = {
  /** An img.yaml, which parses. */
  readonly text: string;
  /** By line. */
  readonly notes: readonly ImportNote[];
  /** How many instructions there are. */
  readonly instructions: number;
};

/**
 * Translates a Dockerfile to an img.yaml, as far as that can say it, and tells what became of each instruction that it
 * doesn't simply take over. Nothing is run, and of the folder nothing is changed.
 *
 * @throws BuilderError DOCKERFILE_INVALID
 */
export async function importDockerfile(
  bytes: Uint8Array,
  options: ImportOptions,
): Promise<ImportedDockerfile> {
  const { file, folder, target, given = new Map<string, string>() } = options;
  const instructions = parseDockerfile(bytes, file);
  const draft = new ImageDraft();
  const source = new SourceFolder(resolve(folder));
  const stages = measured(() => stagesOf(instructions, given, file), 1, file);
  const chain = chainOf(stages, target, file);
  const context = { draft, stages, source, given };
  const usual = takeBase(chain, draft);
  for (const stage of chain) {
    for (const instruction of stage.instructions) await translate(instruction, context, file);
  }
  finishBase(draft);
  await finishApp(draft, source);
  finishGo(draft, chain);
  finishUsers(draft);
  const start = await finishStart(draft, source, usual);
  finishFolders(draft);
  finishPatterns(draft);
  const name = options.name ?? imageNameOf(basename(source.path));
  draft.notes.sort((a, b) => a.line - b.line);
  const text = recipeText(draft, start, { name, file: basename(file) });
  checkText(text, file);
  return { text, notes: draft.notes, instructions: instructions.length };
}

/** Takes over what the image is built upon; returns the command that it has. */
function takeBase([first]: readonly Stage[], draft: ImageDraft): readonly string[] {
  if (first === undefined) return [];
  const { from, image } = first;
  const base = baseImageOf(image);
  draft.os = base.os;
  draft.from = base.from;
  draft.language = base.language;
  for (const name of base.packages ?? []) draft.addPackage(name);
  for (const port of base.ports ?? []) draft.ports.add(port);
  draft.stop = base.stop;
  draft.user = base.user;
  const written = `FROM ${from.text}`;
  if (base.from !== undefined) {
    draft.note(
      from.line,
      written,
      'changed',
      `the image is built upon ${base.from} itself`,
      'an os and packages in its place would be smaller, and locked package by package',
    );
  } else if (base.difference !== undefined) {
    const { difference, advice = 'for exactly that image, write from: in the place of os and packages' } =
      base;
    draft.note(from.line, written, 'changed', difference, advice);
  }
  return base.cmd ?? [];
}

async function translate(instruction: Instruction, context: TranslateContext, file: string): Promise<void> {
  try {
    await translateInstruction(instruction, context);
  } catch (error) {
    throw explained(error, instruction.line, file);
  }
}

function measured<Result>(run: () => Result, line: number, file: string): Result {
  try {
    return run();
  } catch (error) {
    throw explained(error, line, file);
  }
}

function explained(error: unknown, line: number, file: string): unknown {
  return error instanceof TooLongError ? invalid(file, line, `with its variables, ${error.message}`) : error;
}

/** Of what is too long or too much for an img.yaml, the parser of that knows most. */
function checkText(text: string, file: string): void {
  try {
    parseRecipe(Buffer.from(text), 'the img.yaml of it');
  } catch (error) {
    if (!(error instanceof BuilderError)) throw error;
    throw invalid(file, 1, `it fits no img.yaml: ${error.message.split('\n')[0]}`);
  }
}
