import { relative } from 'node:path';
import { watchSources } from '@img/builder/watch/watch-sources';
import { CodedError } from '@img/spec/coded-error';
import { printable } from '@img/spec/printable';
import type { Session } from '../command.ts';
import { errorDocument, errorLines } from '../output/error-lines.ts';

/**
 * Builds once, and again whenever something changes that the build reads, until the session is ended. A build that
 * fails is told of and doesn't end it.
 */
export async function buildOnChange(
  { output, environment, signal }: Session,
  path: string,
  build: () => Promise<void>,
): Promise<void> {
  try {
    for await (const changed of watchSources(path, { signal })) {
      const names = changed.map((file) => printable(relative(environment.workingFolder, file)));
      const more = names.length > 3 ? ` and ${names.length - 3} more` : '';
      if (names.length > 0) output.story('', `changed: ${names.slice(0, 3).join(', ')}${more}`);
      await tell(build, { output, signal });
      output.end();
      output.story('waiting for changes; Ctrl-C ends it');
    }
  } catch (error) {
    // That is how it ends.
    if (!signal.aborted) throw error;
  }
}

async function tell(
  build: () => Promise<void>,
  { output, signal }: Pick<Session, 'output' | 'signal'>,
): Promise<void> {
  try {
    await build();
  } catch (error) {
    signal.throwIfAborted();
    if (!(error instanceof CodedError)) throw error;
    output.end();
    output.error(errorLines(error, { verbose: output.isVerbose }));
    if (output.isJson) output.result({ error: errorDocument(error) }, () => []);
  }
}
