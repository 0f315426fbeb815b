import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { findProgram, type NeedOptions, needsTool } from '@img/sign/testing/needs';
import type { ExecutionContext } from 'ava';

export type ToolRun = { readonly status: number; readonly stdout: string; readonly stderr: string };

/** Runs an outside tool; never throws for what it answers. */
export type Tool = (args: readonly string[], environment?: NodeJS.ProcessEnv) => Promise<ToolRun>;

const run = promisify(execFile);

/**
 * Finds a tool that was installed for the tests or is in PATH. Without it the test says so; where tools are required
 * (IMG_REQUIRE_TOOLS=1) it fails, unless the tool is one that no distribution packages.
 */
export async function findTool(
  t: ExecutionContext,
  name: string,
  options: NeedOptions = {},
): Promise<Tool | undefined> {
  if (!needsTool(t, name, options)) return undefined;
  const path = findProgram(name) ?? name;
  return (args, environment = {}) => execute(path, args, environment);
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
