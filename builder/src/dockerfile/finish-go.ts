import { posix } from 'node:path';
import type { ImageDraft } from './image-draft.ts';
import { commandsOf } from './run-commands.ts';
import { shellCommands } from './shell-commands.ts';
import type { Stage } from './stages.ts';

/** An image that compiles a Go program in itself is the program alone; the sources stay where they are. */
export function finishGo(draft: ImageDraft, chain: readonly Stage[]): void {
  if (draft.language !== 'go') return;
  const runs = chain.flatMap(({ instructions }) => instructions).filter(({ keyword }) => keyword === 'RUN');
  for (const run of runs) {
    for (const { words, text } of commandsOf(run, (script) => shellCommands(script, draft.lookup)) ?? []) {
      const at = words?.[0] === 'go' && words[1] === 'build' ? words.indexOf('-o') : -1;
      const output = at < 0 ? undefined : draft.absolute(words?.[at + 1] ?? '');
      if (output === undefined) continue;
      const name = posix.basename(output);
      draft.files = draft.files.filter(
        ({ isFolder, from }) => !isFolder && !/\.go$|^go\.(?:mod|sum)$/.test(from),
      );
      draft.files.push({ line: run.line, from: name, to: output, mode: '0755', isFolder: false });
      const written = `RUN ${text}`;
      draft.dropNotes(run.line, written);
      const message = `files takes the program ${name} of this folder to ${output}, without its sources`;
      draft.note(run.line, written, 'left', message, `compile it before: CGO_ENABLED=0 go build -o ${name}`);
    }
  }
}
