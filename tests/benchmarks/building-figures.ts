import { mkdir, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Command } from './command.ts';
import type { Figure } from './figure.ts';
import type { Workshop } from './workshop.ts';

/** buildah as it works without a container's own kernel features. */
const bud = ['bud', '--quiet', '--layers', '--isolation', 'chroot', '--network', 'host', '--pull-never'];

/** The images whose builds are timed, on Debian 12. */
export const kinds: readonly { readonly name: string; readonly packages: readonly string[] }[] = [
  { name: 'nginx', packages: ['nginx'] },
  { name: 'python', packages: ['python3-flask'] },
  { name: 'node', packages: ['nodejs'] },
  { name: 'java', packages: ['openjdk-17-jre-headless'] },
];

const appFiles = 300;

/** Writes each image twice, as an img.yaml and as the Dockerfile that people would write instead. */
export async function writeKinds(workshop: Workshop): Promise<void> {
  for (const { name, packages } of kinds) {
    await write(
      workshop.path('img', name, 'img.yaml'),
      `name: com.example.${name}\nversion: "1"\nos: debian:12\npackages: [${packages.join(', ')}]\n`,
    );
    await write(workshop.path('buildah', name, 'Dockerfile'), dockerfile(packages));
  }
}

/** Writes an app of many small files upon the packages of Python's image, for both builders. */
export async function writeApp(workshop: Workshop): Promise<void> {
  const recipe = `name: com.example.app\nversion: "1"\nos: debian:12\npackages: [python3-flask]\napp: {python: src}\n`;
  await write(workshop.path('img/app/img.yaml'), recipe);
  const copy = 'COPY src /opt/app\nCMD ["python3", "/opt/app/main.py"]\n';
  await write(workshop.path('buildah/app/Dockerfile'), `${dockerfile(['python3-flask'])}${copy}`);
  const lines = Array.from({ length: 80 }, (_, line) => `def function_${line}(): return ${line * line}\n`);
  for (const tool of ['img', 'buildah']) {
    for (let index = 0; index < appFiles; index += 1) {
      const path = workshop.path(tool, `app/src/package_${index % 20}/module_${index}.py`);
      await write(path, lines.join(''));
    }
    await write(workshop.path(tool, 'app/src/main.py'), 'print("hello")\n');
  }
}

/** Builds from what is downloaded already, as if nothing had been built before. */
export function coldFigures(workshop: Workshop): readonly Figure[] {
  return kinds.map(({ name }) => ({
    title: `cold build of ${name}`,
    note: 'img converts every package again; buildah has its base image and asks the mirror for packages',
    contestants: [
      { tool: 'img', command: workshop.img('publisher', 'build', '--no-cache', workshop.path('img', name)) },
      {
        tool: 'buildah',
        command: workshop.container(
          'buildah',
          ...[...bud, '--no-cache', '--tag', name, workshop.path('buildah', name)],
        ),
      },
    ],
  }));
}

/** A change of the app, and another machine. */
export function rebuildFigures(workshop: Workshop): readonly Figure[] {
  const { repository } = workshop;
  const folder = workshop.path('img/app');
  const pushed = workshop.img('publisher', 'build', '--push', folder);
  const build = workshop.img('publisher', 'build', folder);
  const push = workshop.img('publisher', 'push', `${repository}:latest`);
  const away = (...words: readonly string[]): Command => {
    const { line, variables } = workshop.img('host', 'build', '--locked', ...words, folder);
    return { line, variables: { ...variables, IMG_CACHE: workshop.path('host/cache') } };
  };
  const forgetHost = async (): Promise<void> => {
    for (const name of ['host/cache', 'host/store']) {
      await rm(workshop.path(name), { recursive: true, force: true });
    }
  };
  const registry = ['--authfile', workshop.authFile, '--tls-verify=false'];
  const line = async (round: number): Promise<void> => {
    for (const tool of ['img', 'buildah']) {
      await writeFile(workshop.path(tool, 'app/src/main.py'), `# Round ${round}\n`, { flag: 'a' });
    }
  };
  const buildahBuild = workshop.container('buildah', ...bud, '--tag', 'app', workshop.path('buildah/app'));
  const buildahPush = workshop.container(
    'buildah',
    ...['push', '--quiet', ...registry, 'app', `docker://${repository}:peer`],
  );
  return [
    {
      title: `build and push after one line of ${appFiles} files has changed`,
      note: 'img with --push; both have cached everything else, and so has the registry',
      contestants: [
        { tool: 'img', prepare: line, command: pushed },
        { tool: 'buildah', prepare: line, command: both(buildahBuild, buildahPush) },
      ],
    },
    {
      title: 'the same with img build, then img push',
      note: 'as two commands',
      contestants: [{ tool: 'img', prepare: line, command: both(build, push) }],
    },
    {
      title: 'build and push on an empty machine',
      note: 'img.lock and a registry with the layers; no package, no layer and nothing of an archive is downloaded',
      contestants: [{ tool: 'img', prepare: forgetHost, command: away('--push') }],
    },
    {
      title: 'build on an empty machine',
      note: 'the same, but the layers come to the machine',
      contestants: [{ tool: 'img', prepare: forgetHost, command: away() }],
    },
  ];
}

function both(first: Command, second: Command): Command {
  const script = `${quoted(first)} > /dev/null && ${quoted(second)}`;
  return { line: ['sh', '-c', script], variables: { ...first.variables, ...second.variables } };
}

function quoted({ line }: Command): string {
  return line.map((word) => `'${word}'`).join(' ');
}

function dockerfile(packages: readonly string[]): string {
  const install = `apt-get install -qq -y --no-install-recommends ${packages.join(' ')}`;
  // Java's packages can't be installed where documentation was left out.
  return `FROM localhost/base\nRUN mkdir -p /usr/share/man/man1 && apt-get update -qq && ${install} && rm -rf /var/lib/apt/lists/*\n`;
}

async function write(path: string, text: string): Promise<void> {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
}
