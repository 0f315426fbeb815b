import { createWriteStream } from 'node:fs';
import { resolve } from 'node:path';
import { addAbortSignal } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import {
  type CopyRequest,
  copyContainerFiles,
  type FilePlace,
} from '@img/runtime/containers/copy-container-files';
import { findContainer } from '@img/runtime/containers/find-container';
import type { Host } from '@img/runtime/host';
import { isEnded } from '@img/runtime/state/container';
import { quoteBytes } from '@img/runtime/tar/byte-string';
import { quote } from '@img/spec/quote';
import type { Command } from 'commander';
import { CliError } from '../cli-error.ts';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { joinContainer } from '../host/in-user-namespace.ts';
import { openHost } from '../host/open-host.ts';

type CommandLine = { readonly archive?: boolean; readonly followLink?: boolean };

export function configure(command: Command, context: CommandContext): void {
  command
    .argument('<source>', 'CONTAINER:PATH, a path of this host, or - for a tar archive on stdin')
    .argument('<destination>', 'the same, or - for a tar archive on stdout')
    .option('-a, --archive', 'keep the numbers of users and groups')
    .option('-L, --follow-link', 'copy what a link leads to instead of the link');
  command.addHelpText(
    'after',
    '\nInto a folder that is there, or as the name given. SOURCE/. is what is in a folder, without the folder. Files\n' +
      "belong to the app's user in a container, and to you on this host, unless --archive is given. The container must run:\n" +
      'what an app writes is in memory, except in its volumes.',
  );
  addExamples(
    command,
    'img cp web:/var/log/app.log .',
    'img cp site/. web:/tmp/site',
    'img cp web:/data - | tar -t',
  );
  onRun(command, context, async (session, line: CommandLine, from: string, to: string) =>
    copy(session, line, from, to),
  );
}

async function copy(session: Session, line: CommandLine, source: string, destination: string): Promise<void> {
  const { output, signal } = session;
  await using host = await openHost(session);
  // Else it would be waited for whoever writes, although the command was stopped.
  const from = source === '-' ? addAbortSignal(signal, process.stdin) : placeOf(session, host, source);
  const to = destination === '-' ? archiveWriter(signal) : placeOf(session, host, destination);
  for (const place of [from, to]) joinPlace(session, place);
  if (!isInContainer(from) && !isInContainer(to)) {
    throw new CliError('USAGE', `neither ${quote(source)} nor ${quote(destination)} is in a container`, {
      hint: 'write CONTAINER:PATH for what is in one',
    });
  }
  const options = {
    signal,
    onLeftOut: (path: Parameters<typeof quoteBytes>[0], what: string) =>
      output.story(`left out ${quoteBytes(path)}: ${what}`),
  };
  const request = { from, to, isFollowed: line.followLink === true, keepsOwners: line.archive === true };
  await copyContainerFiles(host.state, request, options);
}

// Files of an app belong to users whom only its namespace has.
function joinPlace(session: Session, end: CopyRequest['from'] | CopyRequest['to']): void {
  if (typeof end !== 'object' || !('container' in end) || end.container === undefined) return;
  if (!isEnded(end.container)) joinContainer(session, end.container);
}

function isInContainer(end: CopyRequest['from'] | CopyRequest['to']): boolean {
  return typeof end === 'object' && 'container' in end && end.container !== undefined;
}

// A path of this host with a colon begins with / or ./
function placeOf({ environment }: Session, host: Host, text: string): FilePlace {
  const [, name, path = ''] = /^([^./][^/:]*):(.*)$/s.exec(text) ?? [];
  if (name !== undefined)
    return { container: findContainer(host.state, name), path: path === '' ? '/' : path, what: quote(text) };
  const absolute = resolve(environment.workingFolder, text);
  // Which resolving takes away, but which mean something.
  const end = /(\/\.?)$/.exec(text)?.[1] ?? (text === '.' ? '/.' : '');
  return { path: absolute + end, what: quote(text) };
}

function archiveWriter(signal: AbortSignal): (archive: AsyncIterable<Uint8Array>) => Promise<void> {
  if (process.stdout.isTTY) {
    throw new CliError('USAGE', 'a tar archive is nothing for a terminal', {
      hint: 'pass it on, for example to tar -t',
    });
  }
  return async (archive) => {
    // Waits for who reads it, as a console does not.
    await pipeline(archive, createWriteStream('', { fd: 1, autoClose: false }), { signal });
  };
}
