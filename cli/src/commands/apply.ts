import { join, resolve } from 'node:path';
import { parseImage } from '@img/runtime/apps/app-definition';
import { applyChange, planHost } from '@img/runtime/apps/apply-apps';
import type { AppChange } from '@img/runtime/apps/plan-apps';
import { applyUnits } from '@img/runtime/units/own-units';
import type { Command } from 'commander';
import { openApps } from '../apps/open-apps.ts';
import { readAppFiles } from '../apps/read-app-files.ts';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { exitCodeOf } from '../exit-code.ts';
import { RemoteRepository } from '../host/remote-repository.ts';
import { errorDocument, errorLines } from '../output/error-lines.ts';
import { bold, type Line } from '../output/text.ts';

type CommandLine = { readonly dryRun?: boolean; readonly ifChanged?: boolean };

export function configure(command: Command, context: CommandContext): void {
  command
    .argument('[folder]', 'of files NAME.yaml, one for each app; /etc/img/apps.d unless given')
    .option('-n, --dry-run', 'only say what would be done')
    .option('--if-changed', 'do nothing if no file has changed since the last time');
  command.addHelpText(
    'after',
    `
A file says what an app is; only its image must be there:
  image: com.example.web:stable
  version: ^1.4                 # the newest of these, instead of what the tag means
  replicas: 2                   # NAME-1 and NAME-2
  environment: {LEVEL: info}
  ports: [8080]                 # on the network of the host; healthy when the first can be reached
                                # or "8080:80": published, for port 80 of the app in the network bridge
  health: http://:8080/healthz
  memory: 512m
  update: {minAge: 48h, window: "Sat,Sun 02:00-04:00", stable: 5m}
and command, entrypoint, volumes, tmpfs, secrets, network, user, workdir, hostname, writable, cpus, pids, profile,
insecure, healthTimeout, restart, schedule, sockets, requires, notify, watchdog as img install has them. From then on
the folder is watched: what changes in it is applied.`,
  );
  addExamples(command, 'img apply --dry-run', 'img apply');
  onRun(command, context, async (session, line: CommandLine, folder?: string) =>
    apply(session, line, folder),
  );
}

async function apply(session: Session, line: CommandLine, typed: string | undefined): Promise<void> {
  const { config, environment, output, signal } = session;
  const folder =
    typed === undefined
      ? join(config.ownFolder ?? '/etc/img', 'apps.d')
      : resolve(environment.workingFolder, typed);
  const apps = await openApps(session);
  await using _host = apps.host;
  const plan = async () => planHost(await readAppFiles(folder, config.registries), folder, apps);
  if (line.dryRun === true) {
    await apps.systemd.check();
    const changes = await plan();
    output.result(changes, () => changes.map(changeLine));
    return;
  }
  const onWait = () => output.story('another img apply is at work; waiting until it is done');
  await using turn = await apps.host.applyTurn(folder, { onWait, signal });
  if (line.ifChanged === true && !(await turn.hasNews())) {
    output.result([], () => []);
    return;
  }
  const done: Done[] = [];
  do {
    await turn.look();
    const changes = await plan();
    await apps.systemd.check();
    done.push(...(await applyAll(changes, folder, apps, session)));
    await watch(folder, apps);
    // What has changed in the meantime, because nothing else looks while this is done.
  } while (await turn.hasNews());
  output.result(done, () => done.flatMap((change) => ('error' in change ? [] : [changeLine(change)])));
  if (done.length === 0) output.story('everything is as it shall be');
}

async function watch(folder: string, apps: Awaited<ReturnType<typeof openApps>>): Promise<void> {
  const units = applyUnits(apps.program, folder);
  const [path] = units;
  if (await apps.systemd.place(...units)) await apps.systemd.enable(path.name);
  await apps.systemd.start(path.name);
}

type Done = AppChange | { readonly name: string; readonly error: object };

// One that fails keeps none of the others from what it shall be.
async function applyAll(
  plan: readonly AppChange[],
  folder: string,
  apps: Awaited<ReturnType<typeof openApps>>,
  session: Session,
): Promise<readonly Done[]> {
  const { output, signal, setExitCode } = session;
  const done: Done[] = [];
  for (const change of plan) {
    const sources: RemoteRepository[] = [];
    const source = (image: string) => {
      const repository = new RemoteRepository(session, parseImage(image));
      sources.push(repository);
      return repository;
    };
    try {
      await applyChange(change, folder, source, apps, { progress: output.progress, signal });
      done.push(change);
    } catch (error) {
      signal.throwIfAborted();
      output.error([[bold(`${change.name}: `)], ...errorLines(error, { verbose: output.isVerbose })]);
      done.push({ name: change.name, error: errorDocument(error) });
      setExitCode(exitCodeOf(error));
    } finally {
      for (const repository of sources) await repository[Symbol.asyncDispose]();
    }
  }
  return done;
}

function changeLine(change: AppChange): Line {
  const what = change.action === 'change' ? `: ${change.keys.join(', ')}` : '';
  return [change.action.padEnd(10), bold(change.name), what];
}
