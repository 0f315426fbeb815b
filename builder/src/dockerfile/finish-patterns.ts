import type { ImageDraft } from './image-draft.ts';

/** Says of patterns that an img.yaml names what fits them now, unless app takes the whole folder that they are in. */
export function finishPatterns(draft: ImageDraft): void {
  const named = new Set([...draft.files.map(({ from }) => from), draft.app?.from]);
  for (const { line, written, pattern, found } of draft.patterns) {
    if (!found.some((path) => named.has(path))) continue;
    const shown =
      found.length > 10 ? `${found.slice(0, 10).join(', ')} and ${found.length - 10} more` : found.join(', ');
    const message = `the img.yaml names what fits ${pattern} now: ${shown}`;
    draft.note(line, written, 'changed', message, 'add what will fit it later');
  }
}
