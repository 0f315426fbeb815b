import test from 'ava';
import { runForRefusal, startImg } from './instance.ts';
import { canRunShellApp } from './shell-app.ts';
import { publish, setStage } from './stage.ts';

test('a stage has a publisher whose image a host with an empty store fetches, verifies and runs', async (t) => {
  if (!canRunShellApp(t)) return;
  const stage = await setStage(t);
  await publish(stage, { says: 'hello from Alice', files: { 'etc/note': 'noted\n' } });
  t.like(await stage.host.run(['run', 'com.example.app']), { code: 0, stdout: 'hello from Alice\n' });
  const { ended } = startImg(t, stage.host, ['run', 'com.example.app:1.0.0', 'cat', '/etc/note']);
  t.deepEqual(await ended, { code: 0, signal: null, stdout: 'noted\n', stderr: '' });
  t.like(await runForRefusal(stage.host, ['run', 'com.example.none']), {
    code: 4,
    error: { code: 'IMAGE_MISSING' },
  });
});
