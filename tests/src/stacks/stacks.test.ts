import { newInstance } from '@img/cli/testing/run-img';
import { findProgram, needsRoot, needsTool } from '@img/sign/testing/needs';
import test from 'ava';
import { readStacks } from './stack.ts';
import { tryStack } from './try-stack.ts';

// A few of the stacks that `npm run stacks` tries: a server that is asked from outside, one that writes and is asked
// from inside, and a program that ends by itself.
for (const name of ['nginx', 'openssh', 'lua']) {
  test(`the stack ${name} is built without running a script, and works`, async (t) => {
    if (!needsRoot(t) || !needsTool(t, 'curl') || !needsTool(t, 'nsenter')) return;
    if (findProgram('crun') === undefined && !needsTool(t, 'runc')) return;
    const stack = (await readStacks()).find((each) => each.name === name);
    t.assert(stack);
    if (stack !== undefined) t.regex((await tryStack(await newInstance(t), stack)).answer, /./);
  });
}

test('every stack has an img.yaml with its name, and a trial that asks at most in one way', async (t) => {
  const stacks = await readStacks();
  t.true(stacks.length >= 40);
  for (const { name, trial } of stacks) {
    t.false(trial.ask !== undefined && trial.inside !== undefined, name);
    t.notThrows(() => new RegExp(trial.says), name);
  }
});
