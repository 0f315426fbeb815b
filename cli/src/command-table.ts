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
    'Trust:',
    [
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
    ],
  ],
  [
    'Registry:',
    [{ name: 'serve', summary: 'run a registry on this machine', load: () => import('./commands/serve.ts') }],
  ],
  [
    'This program:',
    [
      {
        name: 'config',
        summary: 'show the configuration and where each value comes from',
        load: () => import('./commands/config.ts'),
      },
      {
        name: 'version',
        summary: 'show versions of what runs here',
        load: () => import('./commands/version.ts'),
      },
    ],
  ],
];
