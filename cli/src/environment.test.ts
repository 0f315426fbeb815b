import test from 'ava';
import { currentEnvironment, xdgFolder } from './environment.ts';

test('currentEnvironment() is there also for a number without an account and without HOME', (t) => {
  const environment = currentEnvironment(() => {
    throw new Error('uv_os_homedir returned ENOENT');
  });
  t.is(environment.homeFolder, '/');
  t.is(environment.workingFolder, process.cwd());
});

test('xdgFolder() takes absolute paths only, and else begins at home', (t) => {
  const environment = {
    ...currentEnvironment(() => '/home/alice'),
    variables: { SET: '/set', EMPTY: '', OWN: 'own' },
  };
  t.is(xdgFolder(environment, 'SET', '.config'), '/set');
  for (const name of ['EMPTY', 'OWN', 'ABSENT']) {
    t.is(xdgFolder(environment, name, '.config'), '/home/alice/.config', name);
  }
});
