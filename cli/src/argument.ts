import { CodedError } from '@img/spec/coded-error';
import { CliError } from './cli-error.ts';

/**
 * Reads what was typed with a parser of the packages below, so that a mistake in it is one of usage.
 *
 * @throws CliError USAGE
 */
export function parseArgument<T>(parse: (text: string) => T, text: string): T {
  try {
    return parse(text);
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    const { message, hint } = error;
    throw new CliError('USAGE', message, { cause: error, ...(hint === undefined ? {} : { hint }) });
  }
}
