import type { CommandModule } from './command.ts';

/** A command as the list of commands shows it. The rest is loaded when it is used, because starting counts. */
export type CommandEntry = {
  readonly name: string;
  readonly summary: string;
  readonly load: () => Promise<CommandModule>;
};

/** All commands, in the order in which help shows them, under their headings. */
export const commandTable: readonly (readonly [heading: string, entries: readonly CommandEntry[]])[] = [
  [
    'Images:',
    [
      { name: 'build', summary: 'make an image of an img.yaml', load: () => import('./commands/build.ts') },
      {
        name: 'import',
        summary: 'make an img.yaml of a Dockerfile',
        load: () => import('./commands/import.ts'),
      },
      {
        name: 'lock',
        summary: 'choose the packages of an img.yaml, or newer ones, and write img.lock',
        load: () => import('./commands/lock.ts'),
      },
      {
        name: 'rebuild',
        summary: 'make an image of img.lock again, and compare it',
        load: () => import('./commands/rebuild.ts'),
      },
      { name: 'run', summary: 'fetch, verify and start an image', load: () => import('./commands/run.ts') },
      { name: 'images', summary: 'list the images on this host', load: () => import('./commands/images.ts') },
      {
        name: 'inspect',
        summary: 'show what is known about an image or a container',
        load: () => import('./commands/inspect.ts'),
      },
      {
        name: 'sbom',
        summary: 'list what is in an image, as SPDX or CycloneDX',
        load: () => import('./commands/sbom.ts'),
      },
      {
        name: 'diff',
        summary: 'compare the packages, files and sizes of two images',
        load: () => import('./commands/diff.ts'),
      },
      {
        name: 'repair',
        summary: 'bring back what is damaged of images on this host',
        load: () => import('./commands/repair.ts'),
      },
      {
        name: 'tag',
        summary: 'give an image another name, and manage the tags of a registry',
        load: () => import('./commands/tag.ts'),
      },
      {
        name: 'rm',
        summary: 'remove containers and images from this host',
        load: () => import('./commands/rm.ts'),
      },
      {
        name: 'gc',
        summary: 'remove content that nothing on this host needs',
        load: () => import('./commands/gc.ts'),
      },
    ],
  ],
  [
    'Containers:',
    [
      { name: 'ps', summary: 'list what runs on this host', load: () => import('./commands/ps.ts') },
      { name: 'logs', summary: 'show what a container writes', load: () => import('./commands/logs.ts') },
      {
        name: 'attach',
        summary: 'type to an app that runs on, and see what it writes',
        load: () => import('./commands/attach.ts'),
      },
      {
        name: 'exec',
        summary: 'run a command in a container',
        load: () => import('./commands/exec.ts'),
      },
      {
        name: 'cp',
        summary: 'copy files into containers and out of them',
        load: () => import('./commands/cp.ts'),
      },
      {
        name: 'top',
        summary: 'list the processes of a container',
        load: () => import('./commands/top.ts'),
      },
      {
        name: 'stats',
        summary: 'show what containers use of this host',
        load: () => import('./commands/stats.ts'),
      },
      { name: 'stop', summary: 'end containers', load: () => import('./commands/stop.ts') },
      { name: 'kill', summary: 'send containers a signal', load: () => import('./commands/kill.ts') },
      {
        name: 'wait',
        summary: 'wait until containers have ended, and print their exit codes',
        load: () => import('./commands/wait.ts'),
      },
    ],
  ],
  [
    'Apps that systemd runs:',
    [
      {
        name: 'install',
        summary: 'start an image with the host, as a service, job or socket of systemd',
        load: () => import('./commands/install.ts'),
      },
      {
        name: 'uninstall',
        summary: 'end installed apps and forget them',
        load: () => import('./commands/uninstall.ts'),
      },
      {
        name: 'update',
        summary: 'start newer images of installed apps, and go back if they fail',
        load: () => import('./commands/update.ts'),
      },
      {
        name: 'history',
        summary: 'list what an installed app was',
        load: () => import('./commands/history.ts'),
      },
      {
        name: 'rollback',
        summary: 'start what an installed app was before',
        load: () => import('./commands/rollback.ts'),
      },
      {
        name: 'pin',
        summary: 'keep an installed app from being updated',
        load: () => import('./commands/pin.ts'),
      },
      {
        name: 'apply',
        summary: 'have the apps that a folder of files asks for',
        load: () => import('./commands/apply.ts'),
      },
      {
        name: 'start',
        summary: 'start installed apps, as their units do',
        load: () => import('./commands/start.ts'),
      },
    ],
  ],
  [
    'Trust:',
    [
      { name: 'sign', summary: 'state that a tag means an image', load: () => import('./commands/sign.ts') },
      {
        name: 'unsign',
        summary: 'take back what a key has signed',
        load: () => import('./commands/unsign.ts'),
      },
      {
        name: 'refresh',
        summary: 'let what is signed hold longer, and nothing else',
        load: () => import('./commands/refresh.ts'),
      },
      {
        name: 'signatures',
        summary: 'list who signed an image, when, and what counts here',
        load: () => import('./commands/signatures.ts'),
      },
      {
        name: 'attest',
        summary: 'state what is in an image or how it was built',
        load: () => import('./commands/attest.ts'),
      },
      {
        name: 'verify',
        summary: 'say whether this host trusts an image, and why',
        load: () => import('./commands/verify.ts'),
      },
      {
        name: 'key',
        summary: 'make, list, show, export and import keys to sign with',
        load: () => import('./commands/key.ts'),
      },
      {
        name: 'trust',
        summary: 'say who may sign which images on this host',
        load: () => import('./commands/trust.ts'),
      },
      {
        name: 'log',
        summary: 'keep, verify and watch the transparency logs of a registry',
        load: () => import('./commands/log.ts'),
      },
    ],
  ],
  [
    'Registry:',
    [
      {
        name: 'pull',
        summary: 'fetch an image with its signatures',
        load: () => import('./commands/pull.ts'),
      },
      {
        name: 'push',
        summary: 'store an image with its signatures in its registry',
        load: () => import('./commands/push.ts'),
      },
      {
        name: 'copy',
        summary: 'copy an image between registries, this host, layouts and archives',
        load: () => import('./commands/copy.ts'),
      },
      { name: 'login', summary: 'tell a registry who you are', load: () => import('./commands/login.ts') },
      { name: 'logout', summary: 'forget a login', load: () => import('./commands/logout.ts') },
      { name: 'serve', summary: 'run a registry on this machine', load: () => import('./commands/serve.ts') },
      {
        name: 'registry',
        summary: 'look after what img serve stores',
        load: () => import('./commands/registry.ts'),
      },
      {
        name: 'repo',
        summary: 'list the repositories of a registry, and say who may pull them and who must sign',
        load: () => import('./commands/repo.ts'),
      },
      {
        name: 'retention',
        summary: 'say which tags and images a repository keeps',
        load: () => import('./commands/retention.ts'),
      },
      {
        name: 'org',
        summary: 'make organisations, and say who belongs to them and who must sign',
        load: () => import('./commands/org.ts'),
      },
      {
        name: 'robot',
        summary: 'give programs tokens that expire',
        load: () => import('./commands/robot.ts'),
      },
      {
        name: 'user',
        summary: 'make users, and change passwords',
        load: () => import('./commands/user.ts'),
      },
    ],
  ],
  [
    'This program:',
    [
      {
        name: 'completion',
        summary: 'print a script that completes commands in your shell',
        load: () => import('./commands/completion.ts'),
      },
      {
        name: 'config',
        summary: 'show the configuration and where each value comes from',
        load: () => import('./commands/config.ts'),
      },
      {
        name: 'doctor',
        summary: 'say what this host can do, and how to get what it lacks',
        load: () => import('./commands/doctor.ts'),
      },
      {
        name: 'version',
        summary: 'show versions of what runs here',
        load: () => import('./commands/version.ts'),
      },
    ],
  ],
];
