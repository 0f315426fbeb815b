import type { Command } from 'commander';
import type { CommandContext } from '../command.ts';
import { configureExport } from './registry-export.ts';
import { configureImport } from './registry-import.ts';
import { configureRebuild } from './registry-rebuild.ts';
import { configureScrub } from './registry-scrub.ts';

export function configure(command: Command, context: CommandContext): void {
  configureScrub(command.command('scrub'), context);
  configureRebuild(command.command('rebuild'), context);
  configureExport(command.command('export'), context);
  configureImport(command.command('import'), context);
}
