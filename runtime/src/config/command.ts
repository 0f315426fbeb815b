import type { ExecutionConfig } from '@img/spec/image-config';
import { quote } from '@img/spec/quote';
import { RuntimeError } from '../runtime-error.ts';

export type CommandOptions = {
  /** Replaces the image's entrypoint, and its cmd with it: that was written for the other entrypoint. */
  readonly entrypoint?: readonly string[];
  /** Replaces the image's cmd. */
  readonly command?: readonly string[];
};

/**
 * The program and its arguments: entrypoint followed by cmd (image-spec, conversion.md#verbatim-fields).
 *
 * @throws RuntimeError COMMAND_MISSING
 */
export function commandOf(
  { entrypoint, cmd }: Pick<ExecutionConfig, 'entrypoint' | 'cmd'>,
  options: CommandOptions,
): readonly [string, ...string[]] {
  const defaultCommand = options.entrypoint === undefined ? cmd : [];
  const [program, ...rest] = [...(options.entrypoint ?? entrypoint), ...(options.command ?? defaultCommand)];
  if (program === undefined || program === '') {
    throw new RuntimeError('COMMAND_MISSING', 'the image names no command to run', {
      hint: 'give one after the reference: img run REF -- COMMAND',
    });
  }
  const withNul = [program, ...rest].find((argument) => argument.includes('\0'));
  if (withNul !== undefined) {
    throw new RuntimeError('COMMAND_MISSING', `argument ${quote(withNul)} of the command has a NUL in it`);
  }
  return [program, ...rest];
}
