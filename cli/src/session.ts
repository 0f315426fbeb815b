import type { CommandContext, Session } from './command.ts';
import { loadConfig } from './config/config.ts';
import type { ConfigOptions } from './config/config-options.ts';
import { exitCodeOf } from './exit-code.ts';
import { errorDocument, errorLines } from './output/error-lines.ts';
import { Output, type OutputOptions } from './output/output.ts';

/**
 * Reads the configuration, runs a command and reports how it failed, if it does: for people on stderr and, where
 * the result should be JSON, as a document in its place.
 */
export async function runSession(
  context: CommandContext,
  options: OutputOptions & ConfigOptions,
  run: (session: Session) => Promise<void>,
): Promise<void> {
  const { environment, signal, streams, setExitCode } = context;
  const output = new Output(streams, environment, options);
  try {
    const config = await loadConfig(environment, options);
    await run({ config, output, environment, signal, setExitCode });
  } catch (thrown) {
    // Whatever a cancelled command ran into last, the cancellation is why it ended.
    const error: unknown = signal.aborted ? signal.reason : firstOf(thrown);
    output.end();
    output.error(errorLines(error, { verbose: output.isVerbose }));
    if (output.isJson) output.result({ error: errorDocument(error) }, () => []);
    setExitCode(exitCodeOf(error));
  } finally {
    output.end();
  }
}

/** What failed first, if closing what was open then failed as well. */
function firstOf(thrown: unknown): unknown {
  let error = thrown;
  while (error instanceof SuppressedError) error = error.suppressed;
  return error;
}
