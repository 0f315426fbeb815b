import test from 'ava';
import { commandOf } from './command.ts';

for (const [entrypoint, cmd, options, expected, reason] of [
  [['/e'], ['c'], {}, ['/e', 'c'], 'cmd is appended to entrypoint'],
  [[], ['c', 'd'], {}, ['c', 'd'], 'cmd alone'],
  [['/e'], [], {}, ['/e'], 'entrypoint alone'],
  [['/e'], ['c'], { command: ['x'] }, ['/e', 'x'], 'a command replaces cmd only'],
  [['/e'], ['c'], { command: [] }, ['/e'], 'an empty command takes cmd away'],
  [['/e'], ['c'], { entrypoint: ['/n'] }, ['/n'], 'an entrypoint replaces both'],
  [['/e'], ['c'], { entrypoint: ['/n'], command: ['x'] }, ['/n', 'x'], 'both replaced'],
  [['/e'], ['c'], { entrypoint: [], command: ['x'] }, ['x'], 'an empty entrypoint takes it away'],
  [['/e'], [''], {}, ['/e', ''], 'an empty argument is an argument'],
] as const) {
  test(`commandOf(): ${reason}`, (t) => {
    t.deepEqual(commandOf({ entrypoint, cmd }, options) as readonly string[], expected);
  });
}

for (const [entrypoint, cmd, options, reason] of [
  [[], [], {}, 'nothing to run'],
  [[], [''], {}, 'an empty program'],
  [['/e'], [], { entrypoint: [] }, 'the entrypoint taken away'],
  [['/e'], ['a\0b'], {}, 'a NUL would end the argument for the kernel'],
] as const) {
  test(`commandOf() refuses ${reason}`, (t) => {
    t.throws(() => commandOf({ entrypoint, cmd }, options), { code: 'COMMAND_MISSING' });
  });
}
