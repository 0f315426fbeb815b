import { spawn } from 'node:child_process';
import { type Instance, programPath } from './run-img.ts';

export type TypedResult = { readonly code: number | null; readonly shown: string };

/** Runs the command in a terminal of its own and types an answer to each question that it shows. */
export async function typeInto(
  { variables, folder }: Pick<Instance, 'variables' | 'folder'>,
  words: readonly string[],
  answers: readonly string[],
): Promise<TypedResult> {
  const command = [process.execPath, programPath, ...words].join(' ');
  const child = spawn('script', ['-qec', command, '/dev/null'], {
    env: variables,
    cwd: folder,
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  let shown = '';
  let answered = 0;
  child.stdout.setEncoding('utf8').on('data', (piece: string) => {
    shown += piece;
    const questions = shown.split(': ').length - 1;
    for (; answered < Math.min(questions, answers.length); answered += 1) {
      child.stdin.write(answers[answered] ?? '');
    }
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on('error', reject).on('close', resolve);
  });
  return { code, shown };
}
