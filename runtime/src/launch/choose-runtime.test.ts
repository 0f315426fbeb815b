import test from 'ava';
import { chooseRuntime } from './choose-runtime.ts';

const has =
  (...names: readonly string[]) =>
  (name: string) =>
    names.includes(name) ? `/usr/bin/${name}` : undefined;

const groups = (mode: 'v1' | 'v2' | 'hybrid' | 'none', isUnifiedInUse = false) => ({
  mode,
  isUnifiedInUse,
  canRaiseLimits: true,
  hasChildren: false,
});

test('chooseRuntime() prefers crun and takes runc where there is no crun', (t) => {
  t.is(chooseRuntime(undefined, groups('v2'), has('crun', 'runc')).path, '/usr/bin/crun');
  t.is(chooseRuntime(undefined, groups('v2'), has('runc')).name, 'runc');
});

test('chooseRuntime() takes nspawn only where there is nothing else, or as it is told', (t) => {
  for (const host of [groups('v2'), { ...groups('hybrid'), hasChildren: true }]) {
    t.is(chooseRuntime(undefined, host, has('systemd-nspawn')).path, '/usr/bin/systemd-nspawn');
    t.is(chooseRuntime(undefined, host, has('systemd-nspawn', 'runc')).name, 'runc');
    t.is(chooseRuntime('nspawn', host, has('systemd-nspawn', 'runc')).name, 'nspawn');
  }
  t.throws(() => chooseRuntime('nspawn', groups('v2'), has('crun')), {
    code: 'RUNTIME_MISSING',
    message: 'systemd-nspawn is not installed',
  });
});

test('chooseRuntime() prefers runc where crun could not set its device rules', (t) => {
  const limited = { ...groups('v2'), canRaiseLimits: false };
  t.is(chooseRuntime(undefined, limited, has('crun', 'runc')).name, 'runc');
  t.is(chooseRuntime(undefined, limited, has('crun')).name, 'crun');
  t.is(
    chooseRuntime(undefined, { ...groups('hybrid'), canRaiseLimits: false }, has('crun', 'runc')).name,
    'crun',
  );
});

test('chooseRuntime() prefers runc where crun would wait for children that it inherits', (t) => {
  const parent = { ...groups('hybrid'), hasChildren: true };
  t.is(chooseRuntime(undefined, parent, has('crun', 'runc')).name, 'runc');
  t.is(chooseRuntime(undefined, parent, has('crun')).name, 'crun');
});

test('chooseRuntime() prefers runc where crun would show an app files of another user', (t) => {
  const redirected = { ...groups('hybrid'), hasFiles: true };
  t.is(chooseRuntime(undefined, redirected, has('crun', 'runc')).name, 'runc');
  t.is(chooseRuntime(undefined, redirected, has('crun')).name, 'crun');
  t.is(chooseRuntime('crun', redirected, has('crun', 'runc')).name, 'crun');
});

test('chooseRuntime() does as it is told', (t) => {
  t.is(chooseRuntime('runc', groups('v2'), has('crun', 'runc')).name, 'runc');
  t.throws(() => chooseRuntime('crun', groups('v2'), has('runc')), {
    code: 'RUNTIME_MISSING',
    message: 'crun is not installed',
  });
});

test('chooseRuntime() hides the unified hierarchy from crun only where crun refuses it', (t) => {
  const both = has('crun', 'runc');
  t.true(chooseRuntime('crun', groups('hybrid', true), both).hidesUnified);
  t.false(chooseRuntime('crun', groups('hybrid', false), both).hidesUnified);
  t.false(chooseRuntime('crun', groups('v2', true), both).hidesUnified);
  t.false(chooseRuntime('runc', groups('hybrid', true), both).hidesUnified);
});

test('chooseRuntime() says what is missing', (t) => {
  t.throws(() => chooseRuntime(undefined, groups('v2'), has()), {
    code: 'RUNTIME_MISSING',
    message: /neither/,
  });
  t.throws(() => chooseRuntime(undefined, groups('none'), has('runc')), { code: 'HOST_UNSUPPORTED' });
});
