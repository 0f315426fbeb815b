import test from 'ava';
import type { AppDefinition } from './app-definition.ts';
import { parseAppName } from './app-name.ts';
import { planApps } from './plan-apps.ts';

const web: AppDefinition = {
  image: 'registry.example/com.example.web:stable',
  update: { minAge: '1d', window: '02:00-03:00' },
};
const named = (apps: { readonly [name: string]: AppDefinition }) =>
  Object.entries(apps).map(([name, definition]) => ({ name: parseAppName(name), definition }));

for (const [desired, current, plan, reason] of [
  [{}, {}, [], 'nothing is wanted and there'],
  [{ web }, { web }, [], 'it is there'],
  [
    { web },
    { web: { update: { window: '02:00-03:00', minAge: '1d' }, image: web.image } },
    [],
    'in another order',
  ],
  [{ web }, {}, ['install web'], 'it is not there'],
  [{}, { web }, ['uninstall web'], 'it is not wanted'],
  [{ web: { ...web, memory: '1g' } }, { web }, ['change web memory'], 'one key is new'],
  [{ web: { image: web.image } }, { web }, ['change web update'], 'one key is gone'],
  [
    { web: { ...web, image: `${web.image}2`, user: 'x' } },
    { web },
    ['change web image,user'],
    'two keys differ',
  ],
  [
    { b: web, a: web },
    { c: web },
    ['uninstall c', 'install b', 'install a'],
    'ports are free before they are taken',
  ],
] as readonly (readonly [
  Parameters<typeof named>[0],
  Parameters<typeof named>[0],
  readonly string[],
  string,
])[]) {
  test(`planApps(): ${reason}`, (t) => {
    const changes = planApps(named(desired), named(current));
    const lines = changes.map((change) => {
      return `${change.action} ${change.name}${change.action === 'change' ? ` ${change.keys.join(',')}` : ''}`;
    });
    t.deepEqual(lines, plan);
  });
}
