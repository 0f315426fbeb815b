import test, { type ExecutionContext } from 'ava';
import { type Instance, newInstance } from '../testing/run-img.ts';
import { writeTestApp } from '../testing/test-app.ts';

const secret = { IMG_KEY_PASSPHRASE: '' };

async function prepare(t: ExecutionContext): Promise<Instance['run']> {
  const instance = await newInstance(t);
  const run: Instance['run'] = (words, options = {}) =>
    instance.run(words, { ...options, variables: { ...secret, ...options.variables } });
  for (const name of ['alice', 'timer']) await run(['key', 'new', name]);
  await writeTestApp(instance, 'one');
  await run(['build', 'app']);
  await run(['trust', 'add', 'alice', '--prefix', 'com.example.']);
  return run;
}

test('img refresh extends what somebody has signed, and keeps only its last extension', async (t) => {
  const run = await prepare(t);
  await run(['sign', '--key', 'alice', '--no-registry', '--expires', '1h', 'com.example.app:1.0.0']);
  const added = await run(['trust', 'add', 'timer', '--prefix', 'com.example.', '--role', 'refresher']);
  t.is(added.stdout, 'required: 1 of alice for com.example.*, refreshed by timer\n');
  const first = await run(['refresh', '--key', 'timer', '--expires', '1d', 'com.example.app:1.0.0']);
  t.is(first.code, 0, first.stderr);
  t.regex(first.stdout, /^com\.example\.app:1\.0\.0 {2}#1 {2}until 20/);
  await run(['refresh', '--key', 'timer', '--expires', '30d', 'com.example.app:1.0.0']);
  t.regex((await run(['verify', 'com.example.app:1.0.0'])).stdout, /#1, expires in 4 weeks\n$/);
  const { stdout } = await run(['signatures', 'com.example.app:1.0.0']);
  t.is(stdout.trim().split('\n').length, 3, stdout);
  t.regex(stdout, /\nalice .* yes\n/);
  t.regex(stdout, /\ntimer .* {2}timer extends it until 20/);
});

test('img refresh refuses whoever may not, and what nobody signed', async (t) => {
  const run = await prepare(t);
  const words = ['refresh', '--expires', '7d', 'com.example.app:1.0.0', '--key'];
  const stranger = await run([...words, 'timer']);
  t.is(stranger.code, 1);
  t.regex(
    stranger.stderr,
    /^img: SHA256:.* may not extend signatures of com\.example\.app, as far as is known here/,
  );
  const signer = await run([...words, 'alice']);
  t.regex(signer.stderr, /^img: alice may not extend/, 'a signer signs again');
  await run(['trust', 'add', 'timer', '--prefix', 'com.example.', '--role', 'refresher']);
  const unsigned = await run([...words, 'timer']);
  t.is(unsigned.code, 4);
  t.regex(
    unsigned.stderr,
    /^img: too few of those who may have signed com\.example\.app:1\.0\.0 as it is now/,
  );
  await run(['sign', '--key', 'timer', '--no-registry', 'com.example.app:1.0.0']);
  const verified = await run(['verify', 'com.example.app:1.0.0']);
  t.is(verified.code, 3);
  t.regex(verified.stderr, /timer may only extend it, and gives no end/);
});

test('where a rule has a tag mover, signers release an image and the mover says what its tag means', async (t) => {
  const run = await prepare(t);
  const added = await run(['trust', 'add', 'timer', '--prefix', 'com.example.', '--role', 'mover']);
  t.is(added.stdout, 'required: 1 of alice for com.example.*, tags moved by timer\n');
  await run(['sign', '--key', 'alice', '--no-registry', '--digest', 'com.example.app:1.0.0']);
  const released = await run(['verify', 'com.example.app:1.0.0']);
  t.is(released.code, 3);
  t.regex(released.stderr, /nobody of timer has said that tag 1\.0\.0 means it\n/);
  await run(['sign', '--key', 'timer', '--no-registry', 'com.example.app:1.0.0']);
  t.is((await run(['verify', 'com.example.app:1.0.0'])).code, 0);
  const { stdout } = await run(['signatures', 'com.example.app:1.0.0']);
  t.regex(stdout, /\nalice +digest .* yes\n/);
  t.regex(stdout, /\ntimer +1\.0\.0 #1 .* timer says that the tag means it\n/);
});
