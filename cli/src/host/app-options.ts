import { parseByteSize } from '@img/runtime/config/byte-size';
import type { RunOptions } from '@img/runtime/config/run-options';
import { parseSecret } from '@img/runtime/config/secret';
import { parseBindMount, parseScratchMount } from '@img/runtime/config/storage';
import { parseArgument } from '../argument.ts';
import type { Session } from '../command.ts';
import { type Environment, variable } from '../environment.ts';
import type { AppLine } from './add-app-options.ts';
import type { ConfinementLine } from './add-confinement-options.ts';
import { type NetworkLine, typedNetwork } from './add-network-options.ts';

/** The options of `img run` that change how the app runs. */
export type AppCommandLine = AppLine &
  ConfinementLine &
  NetworkLine & {
    readonly tty?: boolean;
    readonly interactive?: boolean;
    readonly memory?: string;
    readonly cpus?: number;
    readonly pids?: number;
  };

/**
 * What the caller changes about how an image is run.
 *
 * @param command instead of the command of the image, if it is not empty
 * @throws CliError USAGE
 */
export function appOptions(
  { environment }: Pick<Session, 'environment'>,
  line: AppCommandLine,
  command: readonly string[],
): RunOptions {
  const { user, workdir, hostname, entrypoint, cpus, pids, memory } = line;
  const { profile, writable, readOnly } = line;
  const mounts = [
    ...(line.volume ?? []).map((text) =>
      parseArgument((typed) => parseBindMount(typed, environment.workingFolder), text),
    ),
    ...(line.tmpfs ?? []).map((text) => parseArgument(parseScratchMount, text)),
  ];
  const secrets = (line.secret ?? []).map((text) =>
    parseArgument(
      (typed) =>
        parseSecret(typed, environment.workingFolder, variable(environment, 'CREDENTIALS_DIRECTORY')),
      text,
    ),
  );
  return {
    env: (line.env ?? []).flatMap((text) => variableOf(text, environment)),
    mounts,
    secrets,
    ...typedNetwork(line),
    hasTerminal: line.tty === true,
    isInteractive: line.interactive === true,
    ...(profile === undefined ? {} : { profile }),
    ...(writable === true || readOnly === true ? { isWritable: writable === true } : {}),
    ...(command.length === 0 ? {} : { command }),
    ...(entrypoint === undefined ? {} : { entrypoint: [entrypoint] }),
    ...(user === undefined ? {} : { user }),
    ...(workdir === undefined ? {} : { workingDir: workdir }),
    ...(hostname === undefined ? {} : { hostname }),
    ...(cpus === undefined ? {} : { cpus }),
    ...(pids === undefined ? {} : { pids }),
    ...(memory === undefined
      ? {}
      : { memoryBytes: parseArgument((typed) => parseByteSize(typed, 'memory'), memory) }),
  };
}

/** `NAME=value` as it is; `NAME` with the caller's own value, if there is one. */
export function variableOf(text: string, { variables }: Environment): readonly string[] {
  if (text.includes('=')) return [text];
  const value = variables[text];
  return value === undefined ? [] : [`${text}=${value}`];
}
