import type { Command } from 'commander';
import { addExamples, type CommandContext, onRun, type Session } from '../command.ts';
import { settingKeys } from '../config/setting.ts';
import { tableLines } from '../output/table.ts';
import { dim } from '../output/text.ts';

export function configure(command: Command, context: CommandContext): void {
  command.addHelpText('after', configurationHelp);
  addExamples(command, 'img config', 'img config --json', 'IMG_ROOT=/tmp/try img config');
  onRun(command, context, async (session) => showConfig(session));
}

function showConfig({ config, output }: Session): void {
  const { texts, aliases, trust } = config.settings;
  const rows = [
    ...settingKeys.map((key) => ({ key, ...texts[key] })),
    ...[...aliases].map(([name, setting]) => ({ key: `registries.aliases.${name}`, ...setting })),
    ...(trust ?? []).map((setting) => ({ key: 'trust', ...setting })),
  ].map(({ key, text, origin }) => ({ key, value: text, origin }));
  output.result(rows, () =>
    tableLines(
      [{ title: 'setting' }, { title: 'value' }, { title: 'from' }],
      rows.map(({ key, value, origin }) => [key, value ?? dim('not set'), origin ?? '']),
    ),
  );
}

const configurationHelp = `
The configuration is read from /etc/img/config.yaml and ~/.config/img/config.yaml; what is written later wins,
variables win over files, and the options --config, --root, --run and --cache over variables:

  registries:
    default: work                       # where names without a registry are; IMG_REGISTRY
    aliases: {work: registry.example.com:5000}
  mirror: http://deb.debian.org/debian  # of Debian packages; IMG_MIRROR
  root: /var/lib/img                    # images; IMG_ROOT
  run: /run/img                         # what runs; IMG_RUN
  cache: /var/cache/img                 # what can be made again; IMG_CACHE
  keys: ~/.config/img/keys              # your private keys; IMG_KEYS
  trust: [/etc/img/trust.d]             # whom to trust; IMG_TRUST

IMG_CONFIG names a folder that is read instead of both.`;
