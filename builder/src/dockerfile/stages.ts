import { quote } from '@img/spec/quote';
import { BuilderError } from '../builder-error.ts';
import { type Instruction, invalid } from './parse-dockerfile.ts';
import { type Lookup, wordsOf } from './shell-words.ts';

/** A part of a Dockerfile that begins with FROM. */
export type Stage = {
  /** In lower case; undefined if it has none. */
  readonly name: string | undefined;
  readonly from: Instruction;
  /** The image, or the name of a stage before it. */
  readonly image: string;
  /** What follows its FROM. */
  readonly instructions: readonly Instruction[];
};

export type Stages = {
  readonly all: readonly Stage[];
  /** What ARG before the first FROM says. */
  readonly globals: ReadonlyMap<string, string>;
};

/**
 * The stages of a Dockerfile.
 *
 * @param given values of `--build-arg`, which count more than what ARG says
 * @throws BuilderError DOCKERFILE_INVALID
 */
export function stagesOf(
  instructions: readonly Instruction[],
  given: ReadonlyMap<string, string>,
  file: string,
): Stages {
  const globals = new Map<string, string>();
  const lookup: Lookup = (name) => globals.get(name) ?? platformVariables.get(name);
  const all: (Stage & { readonly instructions: Instruction[] })[] = [];
  for (const instruction of instructions) {
    const last = all.at(-1);
    if (instruction.keyword === 'FROM') all.push(stageOf(instruction, lookup, file));
    else if (last !== undefined) last.instructions.push(instruction);
    else if (instruction.keyword !== 'ARG') {
      throw invalid(file, instruction.line, `${instruction.keyword} stands before the first FROM`);
    } else {
      for (const [name, value] of argumentsOf(instruction, lookup)) {
        const known = given.get(name) ?? value;
        if (known !== undefined) globals.set(name, known);
      }
    }
  }
  if (all.length === 0) throw invalid(file, 1, 'there is no FROM');
  return { all, globals };
}

function stageOf(from: Instruction, lookup: Lookup, file: string) {
  const [image = '', as = '', name, ...more] = wordsOf(from.text, lookup);
  if (image === '' || more.length > 0 || (as !== '' && (as.toUpperCase() !== 'AS' || name === undefined))) {
    throw invalid(file, from.line, `FROM should be an image, or an image AS a name, not ${quote(from.text)}`);
  }
  return { name: name?.toLowerCase(), from, image, instructions: [] };
}

// What BuildKit says by itself; images are built for each platform by the same img.yaml.
const platformVariables: ReadonlyMap<string, string> = new Map([
  ['TARGETOS', 'linux'],
  ['BUILDPLATFORM', 'linux/amd64'],
  ['TARGETPLATFORM', 'linux/amd64'],
]);

/** The names that ARG declares, and their values if it has any. */
export function argumentsOf(
  { text }: Instruction,
  lookup: Lookup,
): readonly (readonly [name: string, value: string | undefined])[] {
  return wordsOf(text, lookup).map((word) => {
    const equals = word.indexOf('=');
    return equals < 0 ? [word, undefined] : [word.slice(0, equals), word.slice(equals + 1)];
  });
}

/** The stage that a name or number means, among those before another one. */
export function findStage(stages: readonly Stage[], wanted: string): Stage | undefined {
  const name = wanted.toLowerCase();
  return (
    stages.findLast((stage) => stage.name === name) ?? (/^\d+$/.test(name) ? stages[Number(name)] : undefined)
  );
}

/**
 * A stage and those that it is built upon, the lowest first.
 *
 * @param target its name or number; the last one if absent
 * @throws BuilderError DOCKERFILE_INVALID
 */
export function chainOf({ all }: Stages, target: string | undefined, file: string): readonly Stage[] {
  let stage = target === undefined ? all.at(-1) : findStage(all, target);
  if (stage === undefined) {
    const names = all.map(({ name }, index) => name ?? String(index));
    throw new BuilderError('DOCKERFILE_INVALID', `${file} has no stage ${quote(target)}`, {
      hint: `it has ${names.join(', ')}`,
    });
  }
  const chain: Stage[] = [];
  while (stage !== undefined) {
    chain.unshift(stage);
    stage = findStage(all.slice(0, all.indexOf(stage)), nameOnly(stage.image));
  }
  return chain;
}

// A number means a stage only for COPY --from.
function nameOnly(image: string): string {
  return /^\d+$/.test(image) ? '' : image;
}
