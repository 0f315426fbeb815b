import { release } from 'node:os';
import type { Command } from 'commander';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { version } from '../version.ts';

export function configure(command: Command, context: CommandContext): void {
  addExamples(command, 'img version', 'img version --json');
  onRun(command, context, async (session) => showVersion(session));
}

function showVersion({ output }: Session): void {
  const versions = {
    img: version,
    node: process.versions.node,
    openssl: process.versions.openssl,
    kernel: release(),
    architecture: process.arch,
  };
  output.result(versions, () => Object.entries(versions).map(([name, text]) => `${name.padEnd(14)}${text}`));
}
