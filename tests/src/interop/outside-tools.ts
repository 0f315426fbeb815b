import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findTool, type Tool, type ToolRun } from '@img/registry/server/testing/tools';
import { compiledByGo } from '@img/sign/testing/needs';
import type { ExecutionContext } from 'ava';
import { canRunShellApp } from '../testing/shell-app.ts';
import { type Stage, setStage } from '../testing/stage.ts';

const isDemanded = { isOptional: false };

/** Whether a machine may lack it even where tools are demanded. */
const needs = {
  buildah: isDemanded,
  cosign: compiledByGo(),
  'cosign-v2': compiledByGo(),
  crane: compiledByGo(),
  // It needs a daemon, which few machines have.
  docker: { isOptional: true },
  'docker-registry': isDemanded,
  openssl: isDemanded,
  oras: compiledByGo(),
  podman: isDemanded,
  sh: isDemanded,
  skopeo: isDemanded,
  // Debian 12's own verifies no signatures of sigstore.
  'skopeo-debian-13': isDemanded,
  'ssh-keygen': isDemanded,
  umoci: isDemanded,
};

export type ToolName = keyof typeof needs;

export type OutsideTool = {
  /** Runs it, fails the test if it fails, and gives what it printed. */
  readonly ok: (...args: readonly string[]) => Promise<string>;
  /** Runs it, fails the test if it does not fail, and gives what it said. */
  readonly refused: (...args: readonly string[]) => Promise<string>;
};

/** A stage with other people's tools beside it. */
export type Scene<Name extends ToolName = ToolName> = {
  readonly stage: Stage;
  readonly tools: { readonly [name in Name]: OutsideTool };
};

/**
 * Sets a stage and gives tools that use the publisher's log-in and keep everything in the folder of the stage.
 * Undefined if this machine has not what is needed, which the test then says.
 */
export async function sceneWith<Name extends ToolName>(
  t: ExecutionContext,
  ...names: readonly Name[]
): Promise<Scene<Name> | undefined> {
  if (!canRunShellApp(t)) return undefined;
  const found: (readonly [name: Name, tool: Tool])[] = [];
  for (const name of names) {
    const tool = await findTool(t, name, needs[name]);
    if (tool === undefined) return undefined;
    found.push([name, tool]);
  }
  const stage = await setStage(t);
  const variables = await variablesFor(stage);
  const tools = found.map(([name, tool]) => [name, outsideTool(t, name, tool, variables)]);
  return { stage, tools: Object.fromEntries(tools) as Scene<Name>['tools'] };
}

function outsideTool(
  t: ExecutionContext,
  name: string,
  tool: Tool,
  variables: { readonly [name: string]: string },
): OutsideTool {
  const explain = (args: readonly string[], { stdout, stderr }: ToolRun) => {
    return `${[name, ...args].join(' ')}\n${stdout}${stderr}`;
  };
  return {
    ok: async (...args) => {
      const result = await tool(args, variables);
      t.is(result.status, 0, explain(args, result));
      return result.stdout;
    },
    refused: async (...args) => {
      const result = await tool(args, variables);
      t.not(result.status, 0, explain(args, result));
      return result.stderr;
    },
  };
}

/** Nothing is read from the machine's own settings, or left in its folders. */
async function variablesFor({ folder, publisher }: Stage): Promise<{ readonly [name: string]: string }> {
  const docker = publisher.variables['DOCKER_CONFIG'] ?? '';
  const [runtime, storage, containers] = ['xdg', 'storage.conf', 'containers.conf'].map((name) =>
    join(folder, name),
  ) as [string, string, string];
  await mkdir(runtime);
  // Where skopeo, buildah and podman look first; they refuse every image where there is no policy at all.
  await mkdir(join(folder, '.config/containers'), { recursive: true });
  await writeFile(
    join(folder, '.config/containers/policy.json'),
    '{"default":[{"type":"insecureAcceptAnything"}]}',
  );
  // The vfs driver works on all file systems and leaves no mounts.
  await writeFile(
    storage,
    `[storage]\ndriver = "vfs"\ngraphroot = "${folder}/containers"\nrunroot = "${folder}/containers-run"\n`,
  );
  // Podman asks for limits that not even root may have everywhere, and counts its locks in memory of the machine.
  await writeFile(
    containers,
    '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n' +
      '[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\nevents_logger = "none"\n' +
      `lock_type = "file"\ntmp_dir = "${folder}/libpod"\n`,
  );
  return {
    ...publisher.variables,
    // Docker's own file, which these three read and write as well.
    REGISTRY_AUTH_FILE: join(docker, 'config.json'),
    XDG_RUNTIME_DIR: runtime,
    CONTAINERS_STORAGE_CONF: storage,
    CONTAINERS_CONF: containers,
    TMPDIR: folder,
    COSIGN_PASSWORD: 'x',
  };
}
