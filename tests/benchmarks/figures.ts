import { readFile, rm } from 'node:fs/promises';
import { type Command, runCommand } from './command.ts';
import type { Figure } from './figure.ts';
import type { Workshop } from './workshop.ts';

/** buildah as it works without a container's own kernel features; every RUN is cached. */
const buildahBuild = [
  'bud',
  '--quiet',
  '--layers',
  '--isolation',
  'chroot',
  '--network',
  'host',
  '--pull-never',
];

/** Enough for a program that ends at once; some kernels let a runtime set no more. */
const highestLimit = 16_384;

/** Builds with packages to download, without, and with nothing to do. */
export function buildFigures(workshop: Workshop): readonly Figure[] {
  const img = workshop.img('publisher', 'build', workshop.path('img'));
  const context = ['--tag', 'app', workshop.path('buildah')];
  const buildah = workshop.container('buildah', ...buildahBuild, ...context);
  return [
    {
      title: 'build, nothing cached',
      note: 'img also reads and verifies the whole index; buildah already has its base image',
      contestants: [
        {
          tool: 'img',
          prepare: () => empty(workshop, 'cache', 'publisher/store', 'img/img.lock'),
          command: img,
        },
        {
          tool: 'buildah',
          command: workshop.container('buildah', ...buildahBuild, '--no-cache', ...context),
        },
      ],
    },
    {
      title: 'build after one line of the app has changed',
      note: 'packages are cached by both',
      contestants: [
        { tool: 'img', prepare: (round) => workshop.changeApp(round), command: img },
        { tool: 'buildah', prepare: (round) => workshop.changeApp(round), command: buildah },
      ],
    },
    {
      title: 'build again',
      note: 'nothing has changed',
      contestants: [
        { tool: 'img', command: img },
        { tool: 'buildah', command: buildah },
      ],
    },
  ];
}

/** Pushes to an empty registry, and after a change. */
export function pushFigures(workshop: Workshop): readonly Figure[] {
  const { repository } = workshop;
  const img = workshop.img('publisher', 'push', `${repository}:latest`);
  const toRegistry = ['--authfile', workshop.authFile, '--tls-verify=false'];
  const buildah = workshop.container(
    'buildah',
    'push',
    '--quiet',
    ...toRegistry,
    'app',
    `docker://${repository}:peer`,
  );
  const skopeo = {
    line: [
      ...['skopeo', 'copy', '--quiet', '--dest-tls-verify=false', '--dest-authfile', workshop.authFile],
      ...[`oci:${workshop.path('layout')}:latest`, `docker://${repository}:skopeo`],
    ],
  };
  const [, , rebuild] = buildFigures(workshop);
  const onlyChanged = async (round: number): Promise<void> => {
    for (const command of [img, buildah]) await runCommand(command);
    await workshop.changeApp(round);
    for (const { command } of rebuild?.contestants ?? []) await runCommand(command);
  };
  return [
    {
      title: 'push to an empty registry',
      note: 'img and skopeo send the image of img with its ready layers; buildah its own, which it compresses now',
      contestants: [
        { tool: 'img', prepare: () => workshop.emptyRegistry(), command: img },
        { tool: 'buildah', prepare: () => workshop.emptyRegistry(), command: buildah },
        {
          tool: 'skopeo',
          prepare: async () => {
            await workshop.emptyRegistry();
            await empty(workshop, 'layout');
            const layout = `oci:${workshop.path('layout')}:latest`;
            await runCommand(workshop.img('publisher', 'copy', `host:${repository}:latest`, layout));
          },
          command: skopeo,
        },
      ],
    },
    {
      title: 'push after one line of the app has changed',
      note: 'the registry has everything else',
      contestants: [
        { tool: 'img', prepare: onlyChanged, command: img },
        { tool: 'buildah', prepare: onlyChanged, command: buildah },
      ],
    },
  ];
}

/** Pulls the signed image of img into an empty store of each tool. */
export function pullFigures(workshop: Workshop): readonly Figure[] {
  const { repository } = workshop;
  const source = `docker://${repository}:latest`;
  const [root, runRoot] = [workshop.path('skopeo/store'), workshop.path('skopeo/run')];
  return [
    {
      title: 'pull into an empty store',
      note: 'the same image for all; afterwards it can be started',
      contestants: [
        {
          tool: 'img',
          prepare: () => empty(workshop, 'host/store'),
          command: workshop.img('host', 'pull', `${repository}:latest`),
        },
        {
          tool: 'skopeo',
          prepare: () => empty(workshop, 'skopeo'),
          command: {
            line: [
              ...['skopeo', 'copy', '--quiet', '--src-tls-verify=false', source],
              `containers-storage:[overlay@${root}+${runRoot}]${repository}:latest`,
            ],
          },
        },
        {
          tool: 'podman',
          prepare: () => empty(workshop, 'podman'),
          command: workshop.container('podman', 'pull', '--quiet', '--tls-verify=false', source),
        },
      ],
    },
  ];
}

/** Starts a program that ends at once. */
export async function runFigures(workshop: Workshop): Promise<readonly Figure[]> {
  const image = `${workshop.repository}:latest`;
  const limits = await podmanLimits();
  const words = ['run', '--rm', '--pull', 'never', '--network', 'none', '--runtime', 'runc', ...limits];
  const program = ['python3', '-c', 'pass'];
  const img = workshop.img('host', 'run', image, ...program);
  const podman = workshop.container('podman', ...words, image, ...program);
  return [
    {
      title: `run ${program.join(' ')}, and clean up`,
      note: 'img verifies the signature and the files at each start; podman verifies nothing',
      contestants: [
        { tool: 'img', command: img },
        { tool: 'podman', command: podman },
      ],
    },
    {
      title: `${atOnce} of them at once`,
      note: 'until the last one has ended',
      contestants: [
        { tool: 'img', command: repeated(img, atOnce) },
        { tool: 'podman', command: repeated(podman, atOnce) },
      ],
    },
  ];
}

const atOnce = 16;

/** Starts a command several times without waiting, and fails if one of them does. */
export function repeated({ line, variables }: Command, count: number): Command {
  const script = `for round in $(seq ${count}); do "$@" & jobs="$jobs $!"; done; for job in $jobs; do wait $job || exit; done`;
  return { line: ['sh', '-c', script, 'sh', ...line], ...(variables === undefined ? {} : { variables }) };
}

/** Without these, podman asks for more than a machine may allow. */
export async function podmanLimits(): Promise<readonly string[]> {
  const limits = await readFile('/proc/self/limits', 'utf8');
  return [
    ['nofile', 'Max open files'],
    ['nproc', 'Max processes'],
  ].flatMap(([name, title]) => {
    const hard = Number(new RegExp(`^${title} +\\S+ +(\\d+)`, 'm').exec(limits)?.[1] ?? highestLimit);
    const limit = Math.min(hard, highestLimit);
    return ['--ulimit', `${name}=${limit}:${limit}`];
  });
}

async function empty(workshop: Workshop, ...names: readonly string[]): Promise<void> {
  await workshop.unmountStores();
  for (const path of names) await rm(workshop.path(path), { recursive: true, force: true });
}
