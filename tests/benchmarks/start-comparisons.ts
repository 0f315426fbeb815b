import { type BareBundle, makeBareBundle } from './bare-bundle.ts';
import { type Command, runCommand } from './command.ts';
import { podmanLimits, repeated } from './figures.ts';
import { type Comparison, type Contender, useTime } from './used-time.ts';
import type { Workshop } from './workshop.ts';

const atOnce = 16;
const containers = 100;
const startedTogether = 4;

/** Starts of a program that ends at once, one and many, of what is on the host already. */
export async function startComparisons(workshop: Workshop): Promise<readonly Comparison[]> {
  const image = `${workshop.repository}:latest`;
  const words = ['/bin/busybox', 'true'];
  const bundle = await makeBareBundle(workshop.path('bare'), words);
  const limits = await podmanLimits();
  const podman = workshop.container(
    'podman',
    ...['run', '--rm', '--pull', 'never', '--network', 'none', '--runtime', 'runc', ...limits],
    ...['--entrypoint', '', image, ...words],
  );
  const source = `docker://${image}`;
  await runCommand(workshop.container('podman', 'pull', '--quiet', '--tls-verify=false', source));
  const contestants: readonly (readonly [string, Command])[] = [
    ['img, verified', workshop.img('host', 'run', '--pull', 'never', image, 'true')],
    // Its crun refuses hosts with both versions of control groups.
    ['podman with runc', podman],
    ['crun alone, its own example config', bare(bundle.crun, bundle)],
    ['runc alone, its own example config', bare('runc', bundle)],
  ];
  return [
    {
      title: 'run /bin/true, and clean up',
      note: 'img verifies the signature and the files at each start; crun and runc alone mount nothing, filter no system calls and look at nothing',
      isWarm: true,
      contenders: contestants.map(([name, command]) => contender(name, command)),
    },
    {
      title: `${atOnce} of them at once`,
      note: 'until the last one has ended',
      isWarm: true,
      contenders: contestants.map(([name, command]) => contender(name, repeated(command, atOnce))),
    },
  ];
}

/** Lists many containers that run. The caller ends them with {@link endContainers}. */
export async function listComparisons(workshop: Workshop): Promise<readonly Comparison[]> {
  const image = `${workshop.repository}:latest`;
  const start = workshop.img('host', 'run', '--detach', '--rm', '--pull', 'never', image, 'sleep', '100000');
  for (let started = 0; started < containers; started += startedTogether) {
    await Promise.all(Array.from({ length: startedTogether }, () => runCommand(start)));
  }
  return [
    {
      title: `list ${containers} containers that run`,
      note: 'each of them is looked for in /proc',
      isWarm: true,
      contenders: [
        contender('img ps', workshop.img('host', 'ps')),
        contender('img ps --json', workshop.img('host', 'ps', '--json')),
      ],
    },
  ];
}

export async function endContainers(workshop: Workshop): Promise<void> {
  const listed = JSON.parse(await runCommand(workshop.img('host', 'ps', '--json'))) as { id: string }[];
  const ids = listed.map(({ id }) => id);
  if (ids.length > 0) await runCommand(workshop.img('host', 'kill', ...ids));
}

export function contender(name: string, command: Command): Contender {
  return { name, measure: () => useTime(command) };
}

function bare(runtime: string, { folder }: BareBundle): Command {
  return { line: ['sh', '-c', 'exec "$1" run --bundle "$2" "img-benchmark-$$"', 'sh', runtime, folder] };
}
