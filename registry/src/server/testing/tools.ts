import { execFile } from 'node:child_process';
import { accessSync, constants } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { ExecutionContext } from 'ava';

export type ToolRun = { readonly status: number; readonly stdout: string; readonly stderr: string };

/** Runs an outside tool; never throws for what it answers. */
export type Tool = (args: readonly string[], environment?: NodeJS.ProcessEnv) => Promise<ToolRun>;

const run = promisify(execFile);

/** Where programs are that `npm run tools` installs. */
export const toolsFolder = resolve(
  process.env['IMG_TOOLS_DIR'] ?? join(import.meta.dirname, '../../../../.tools/bin'),
);

/** Where a program is that was installed for the tests or is in PATH. */
export function findProgram(name: string): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((text) => text !== '');
  for (const folder of [toolsFolder, ...folders]) {
    const path = join(folder, name);
    if (isExecutable(path)) return path;
  }
  return undefined;
}

/**
 * Finds a tool that was installed for the tests or is in PATH. Without it the test says so; where tools are required
 * (IMG_REQUIRE_TOOLS=1) it fails, unless the tool is one that no distribution packages.
 */
export async function findTool(
  t: ExecutionContext,
  name: string,
  { isOptional = false }: { readonly isOptional?: boolean } = {},
): Promise<Tool | undefined> {
  const path = findProgram(name);
  if (path !== undefined) return (args, environment = {}) => execute(path, args, environment);
  const message = `not tested with ${name}: it is neither in PATH nor in ${toolsFolder}, where npm run tools puts it`;
  if (process.env['IMG_REQUIRE_TOOLS'] === '1' && !isOptional) t.fail(message);
  else t.log(message);
  t.pass();
  return undefined;
}

async function execute(
  path: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv,
): Promise<ToolRun> {
  try {
    const env = { ...process.env, ...environment };
    const { stdout, stderr } = await run(path, args, { env, maxBuffer: 64 * 1024 * 1024 });
    return { status: 0, stdout, stderr };
  } catch (error) {
    const { code, stdout = '', stderr = '' } = error as { code?: unknown; stdout?: string; stderr?: string };
    return { status: typeof code === 'number' ? code : -1, stdout, stderr };
  }
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
