import test from 'ava';
import { capabilitiesOf, confinementOf, confinementText } from './confinement.ts';
import { insecureItems, parseInsecureItem } from './insecure-item.ts';
import { maskedPaths, readonlyPaths } from './kernel-paths.ts';
import { profileNames, profiles, profileTable } from './profile.ts';
import type { RunOptions } from './run-options.ts';

test('confinementOf() is that of the profile app, unless something else is asked for', (t) => {
  t.deepEqual(confinementOf({}), {
    noNewPrivileges: true,
    systemCalls: 'usual',
    isWritable: false,
    canExecuteWritten: true,
    maskedPaths,
    readonlyPaths,
    hasWritableSys: false,
    devices: [],
    pids: 512,
  });
  t.deepEqual(confinementOf({ profile: 'app' }), confinementOf({}));
});

test('strict allows nothing that app does not allow', (t) => {
  const [app, strict] = [confinementOf({}), confinementOf({ profile: 'strict' })];
  t.true(strict.noNewPrivileges && !strict.isWritable && !strict.canExecuteWritten);
  t.true(app.maskedPaths.every((path) => strict.maskedPaths.includes(path)));
  t.true(strict.maskedPaths.length > app.maskedPaths.length && strict.pids < app.pids);
  t.is(strict.systemCalls, 'few');
});

for (const [options, changes, reason] of [
  [{ insecure: ['privileges'] }, { noNewPrivileges: false }, 'set-user-ID programs'],
  [{ insecure: ['seccomp'] }, { systemCalls: undefined }, 'no filter'],
  [
    { insecure: ['kernel-files'] },
    { maskedPaths: [], readonlyPaths: [], hasWritableSys: true },
    'the kernel’s files',
  ],
  [{ insecure: ['device:/dev/fuse'] }, { devices: ['/dev/fuse'] }, 'a device'],
  [{ insecure: ['signature'] }, {}, 'what is about the image, not the app'],
  [{ insecure: ['capability:NET_ADMIN'] }, {}, 'what is about the process'],
  [{ isWritable: true }, { isWritable: true }, 'an option'],
  [{ pids: 7 }, { pids: 7 }, 'a limit'],
  [{ network: 'host' }, {}, 'a network'],
] as const) {
  test(`confinementOf() gives up nothing but what is named: ${reason}`, (t) => {
    t.deepEqual(confinementOf(options), { ...confinementOf({}), ...changes });
    const strict = confinementOf({ profile: 'strict' });
    if ('insecure' in options) {
      t.deepEqual(confinementOf({ ...options, profile: 'strict' }), { ...strict, ...changes });
    }
  });
}

test('compat writes its tree, unless it is told not to', (t) => {
  t.true(confinementOf({ profile: 'compat' }).isWritable);
  t.false(confinementOf({ profile: 'compat', isWritable: false }).isWritable);
  t.false(confinementOf({ profile: 'compat' }).noNewPrivileges);
});

test('strict refuses what would open it', (t) => {
  for (const options of [{ network: 'host' }, { isWritable: true }] as const) {
    t.throws(() => confinementOf({ ...options, profile: 'strict' }), {
      code: 'PROFILE_REFUSED',
      message: /strict does not allow/,
    });
  }
  t.notThrows(() => confinementOf({ profile: 'strict', network: 'none', isWritable: false }));
});

type Sets = readonly [bounding: number, effective: number, inheritable: number];

for (const [uid, options, [bounding, effective, inheritable], reason] of [
  [0, {}, [11, 11, 0], 'root manages its image'],
  [1000, {}, [0, 0, 0], 'others have nothing'],
  [0, { profile: 'strict' }, [0, 0, 0], 'nor has root in strict'],
  [0, { profile: 'compat' }, [11, 11, 0], 'as with podman'],
  [1000, { profile: 'compat' }, [11, 0, 0], 'what set-user-ID programs can give'],
  [0, { insecure: ['capability:NET_ADMIN'] }, [12, 12, 0], 'one more'],
  [0, { insecure: ['capability:CHOWN'] }, [11, 11, 0], 'one that it has'],
  [1000, { insecure: ['capability:NET_ADMIN'] }, [1, 1, 1], 'it must outlive the start of a program'],
  [0, { profile: 'strict', insecure: ['capability:KILL'] }, [1, 1, 0], 'one that is named'],
] satisfies readonly (readonly [number, RunOptions, Sets, string])[]) {
  test(`capabilitiesOf() user ${uid} with ${JSON.stringify(options)}: ${reason}`, (t) => {
    const sets = capabilitiesOf(uid, options);
    t.deepEqual(
      [sets.bounding.length, sets.effective.length, sets.inheritable.length],
      [bounding, effective, inheritable],
    );
    t.deepEqual(sets.permitted, sets.effective);
    t.deepEqual(sets.ambient, sets.inheritable);
    t.true(sets.effective.every((name) => sets.bounding.includes(name)));
  });
}

for (const [text, item] of [
  ['signature', 'signature'],
  ['capability:net_admin', 'capability:NET_ADMIN'],
  ['capability:CAP_SYS_PTRACE', 'capability:SYS_PTRACE'],
  ['device:/dev/net/tun', 'device:/dev/net/tun'],
] as const) {
  test(`parseInsecureItem() reads ${text}`, (t) => {
    t.is(parseInsecureItem(text) as string, item);
  });
}

for (const [text, reason] of [
  ['', 'nothing'],
  ['all', 'everything has no name'],
  ['Seccomp', 'another name'],
  ['capability:', 'no capability'],
  ['capability:ALL', 'all have no name'],
  ['capability:NET_ADMIN,SYS_ADMIN', 'two at once'],
  ['device:/dev/', 'no device'],
  ['device:/dev/../etc/shadow', 'not below /dev'],
  ['device:/dev/./sda', 'a detour'],
  ['device:/dev//sda', 'an empty part'],
  ['device:/etc/passwd', 'no device'],
  ['device:/dev/sd a', 'what units would read as two words'],
] as const) {
  test(`parseInsecureItem() refuses ${JSON.stringify(text)}: ${reason}`, (t) => {
    t.throws(() => parseInsecureItem(text), { code: 'INSECURE_INVALID' });
  });
}

test('every item that help names can be given up', (t) => {
  for (const [item] of insecureItems) {
    t.notThrows(() => parseInsecureItem(item.replace(':NAME', ':KILL').replace('/NAME', '/fuse')));
  }
});

test('confinementText() names what weakens the container, which a missing signature does not', (t) => {
  t.is(confinementText('app', []), 'app');
  t.is(confinementText('strict', ['signature']), 'strict');
  t.is(confinementText('compat', ['seccomp', 'capability:BPF']), 'compat, insecure: seccomp capability:BPF');
});

test('profileTable() says in every row what differs, or holds for all', (t) => {
  const [heading, ...rows] = profileTable();
  t.deepEqual(heading, ['', ...profileNames]);
  t.deepEqual(profileNames.toSorted(), Object.keys(profiles).toSorted());
  for (const row of rows) t.true(row.length === 4 && row.every((cell) => cell !== ''));
});
