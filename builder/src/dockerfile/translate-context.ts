import type { ImageDraft } from './image-draft.ts';
import type { SourceFolder } from './source-folder.ts';
import type { Stages } from './stages.ts';

/** What instructions are translated with. */
export type TranslateContext = {
  readonly draft: ImageDraft;
  readonly stages: Stages;
  readonly source: SourceFolder;
  /** Values of `--build-arg`. */
  readonly given: ReadonlyMap<string, string>;
};

/** What to do about a variable that nothing is known of. */
export const argumentAdvice = 'give it one with --build-arg NAME=VALUE';
