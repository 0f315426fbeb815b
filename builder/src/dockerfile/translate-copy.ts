import { type Copy, fileOf, packageOfFile, sourcePath } from './copy.ts';
import type { Instruction } from './parse-dockerfile.ts';
import { copyFromStage } from './stage-copy.ts';
import { findStage } from './stages.ts';
import { argumentAdvice, type TranslateContext } from './translate-context.ts';

/** COPY and ADD: files of the folder, of a stage or of another image. */
export async function translateCopy(instruction: Instruction, context: TranslateContext): Promise<void> {
  const { draft, stages } = context;
  const { line, keyword, text, written, flags, heredocs, list } = instruction;
  if (heredocs.length > 0) {
    const names = heredocs.map(({ name }) => name).join(', ');
    draft.note(
      line,
      written,
      'left',
      `the text ${names} stands in the Dockerfile`,
      'save it as a file here, and add that to files',
    );
    return;
  }
  const words = list?.flatMap((word) => draft.words(JSON.stringify(word))) ?? draft.words(text);
  const copy = copyOf(words, instruction, context);
  if (copy === undefined) {
    draft.note(
      line,
      written,
      'left',
      'it has a variable without a value, or names no destination',
      argumentAdvice,
    );
    return;
  }
  if (flags.has('from')) {
    const wanted = draft.words(flags.get('from') ?? '').join(' ');
    const stage = findStage(stages.all, wanted);
    if (stage !== undefined) return await copyFromStage(copy, stage, context);
    return copyFromImage(copy, wanted, context);
  }
  for (const source of copy.sources) await copySource(copy, source, keyword, context);
}

function copyOf(
  words: readonly string[],
  { line, written, flags }: Instruction,
  { draft }: TranslateContext,
): Copy | undefined {
  const sources = words.slice(0, -1);
  const target = words.at(-1) ?? '';
  const to = draft.absolute(target);
  if (sources.length === 0 || to === undefined || sources.some((source) => source.includes('$')))
    return undefined;
  const isFolder =
    target.endsWith('/') || target === '.' || target.endsWith('/.') || sources.length > 1 || to === '/';
  const mode = flags.get('chmod');
  const owner = draft.words(flags.get('chown') ?? '').join(' ');
  return {
    line,
    written,
    sources,
    to: isFolder && to !== '/' ? `${to}/` : to,
    mode: mode !== undefined && /^0?[0-7]{3,4}$/.test(mode) ? mode : undefined,
    owner: /^[\w][\w.-]*(?::[\w][\w.-]*)?$/.test(owner) ? owner : undefined,
  };
}

async function copySource(
  copy: Copy,
  written: string,
  keyword: string,
  { draft, source }: TranslateContext,
): Promise<void> {
  const { line } = copy;
  if (/^(?:https?|ftp|git|ssh):\/\/|^git@/.test(written)) {
    draft.note(
      line,
      copy.written,
      'left',
      'nothing is downloaded from addresses while an image is built',
      `download it into this folder, check its digest, and add it to files for ${copy.to}`,
    );
    return;
  }
  const path = sourcePath(written);
  if (keyword === 'ADD' && /\.(?:tar|tgz|tbz2?|txz|tar\.(?:gz|bz2|xz|zst))$/.test(path)) {
    draft.note(
      line,
      copy.written,
      'left',
      'archives are not unpacked',
      `unpack ${path} in this folder, and add what was in it to files for ${copy.to}`,
    );
    return;
  }
  if (!/[*?[]/.test(path)) {
    const kind = await source.kindOf(path);
    draft.files.push(fileOf(copy, path, kind ?? (/\.\w+$/.test(path) ? 'file' : 'folder')));
    if (kind === undefined)
      draft.note(
        line,
        copy.written,
        'left',
        `there is no ${path} in ${source.path}`,
        'make it before you build the image',
      );
    return;
  }
  const found = await source.find(path);
  if (found.length === 0) {
    draft.note(
      line,
      copy.written,
      'left',
      `nothing in ${source.path} fits ${path}`,
      'make it, and import the Dockerfile again',
    );
    return;
  }
  for (const each of found) {
    const kind = await source.kindOf(each);
    if (kind !== undefined) draft.files.push(fileOf(copy, each, kind));
  }
  draft.patterns.push({ line, written: copy.written, pattern: path, found });
}

function copyFromImage(
  { line, written, sources, to }: Copy,
  image: string,
  { draft }: TranslateContext,
): void {
  const packages = sources.map(packageOfFile);
  if (packages.every((name) => name !== undefined && draft.addPackage(name))) {
    draft.note(line, written, 'taken', `the package ${packages.join(', ')} has it`);
    return;
  }
  draft.note(
    line,
    written,
    'left',
    `it comes from the image ${image}`,
    `take the package that has it, or copy it out of that image into this folder and add it to files for ${to}`,
  );
}
