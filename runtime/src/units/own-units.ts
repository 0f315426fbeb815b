import { quoteWord } from './quote-word.ts';
import { unitText } from './service-unit.ts';

/** A unit file: its name and what is in it. */
export type UnitFile = { readonly name: string; readonly text: string };

/** Looks for updates of all apps now and then; the apps' own windows and ages decide whether anything happens. */
export function updateUnits(program: readonly string[]): readonly [timer: UnitFile, service: UnitFile] {
  return [
    {
      name: 'img-update.timer',
      text: unitText('img-update.timer', [
        ['Unit', ['Description=when img looks for updates of installed apps']],
        [
          'Timer',
          // Spread, so that not all hosts ask their registry at the same time.
          ['OnBootSec=15min', 'OnUnitInactiveSec=15min', 'RandomizedDelaySec=5min', 'AccuracySec=1min'],
        ],
        ['Install', ['WantedBy=timers.target']],
      ]),
    },
    oneshot('img-update.service', 'updates of installed apps', [...program, 'update', '--all']),
  ];
}

/**
 * Applies what a folder wants as soon as somebody changes it. systemd doesn't watch while the service runs, so what
 * changes then is looked for by another one, which begins when systemd watches again.
 */
export function applyUnits(
  program: readonly string[],
  folder: string,
): readonly [path: UnitFile, service: UnitFile, again: UnitFile] {
  const again = 'img-apply-again.service';
  return [
    {
      name: 'img-apply.path',
      text: unitText('img-apply.path', [
        ['Unit', [`Description=whether the apps that this host shall have change`]],
        ['Path', [`PathChanged=${folder.replaceAll('%', '%%')}`]],
        ['Install', ['WantedBy=paths.target']],
      ]),
    },
    oneshot(
      'img-apply.service',
      'the apps that this host shall have',
      [...program, 'apply', folder],
      [`OnSuccess=${again}`, `OnFailure=${again}`],
    ),
    oneshot(again, 'what changed while apps were changed', [...program, 'apply', '--if-changed', folder]),
  ];
}

function oneshot(
  name: string,
  description: string,
  words: readonly string[],
  then: readonly string[] = [],
): UnitFile {
  const text = unitText(name, [
    [
      'Unit',
      [
        `Description=${description}`,
        'Wants=network-online.target',
        'After=network-online.target',
        'StartLimitIntervalSec=0',
        ...then,
      ],
    ],
    ['Service', ['Type=oneshot', `ExecStart=${words.map(quoteWord).join(' ')}`]],
  ]);
  return { name, text };
}
