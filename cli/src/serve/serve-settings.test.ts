import { join } from 'node:path';
import test from 'ava';
import { currentEnvironment } from '../environment.ts';
import { readServeSettings } from './serve-settings.ts';

const folder = join(import.meta.dirname, '../../../examples/registry');

test('readServeSettings() reads the example, with paths from its folder on', async (t) => {
  const settings = await readServeSettings(
    { ...currentEnvironment(), workingFolder: folder },
    'registry.yaml',
  );
  t.deepEqual(settings.listen, { address: '0.0.0.0', port: 443 });
  t.deepEqual(settings.metrics, { address: '127.0.0.1', port: 9090 });
  t.is(settings.tlsKey, '/run/credentials/img-registry.service/key.pem');
  t.is(settings.log, '-');
  t.like(settings, { scrubEvery: 7 * 86_400, scrubRate: 50_000_000, workers: 1 });
  t.deepEqual(settings.public, ['com.example.open.']);
  t.deepEqual(settings.copies, [{ names: 'hub/', registry: 'docker.io', keepDays: 30, keepGigabytes: 200 }]);
});
