import test from 'ava';
import { ServerError } from '../server-error.ts';
import { TestClient } from '../testing/test-client.ts';
import { pushBlob, startTestRegistry } from '../testing/test-registry.ts';
import { mergeFamilies } from './merge-families.ts';

const metrics = { address: '127.0.0.1', port: 0 };

test('metrics say how long what took, and what waits to be cleaned up', async (t) => {
  const { client, running } = await startTestRegistry(t, { metrics });
  const prometheus = new TestClient(new URL(running.metricsUrl as string).origin);
  t.teardown(() => prometheus.close());
  const digest = await pushBlob(client, 'content', { into: 'hidden' });
  await client.send('GET', `/v2/hidden/blobs/${digest}`);
  await client.send('POST', '/v2/hidden/blobs/uploads/');
  await client.send('LOCK', '/v2/hidden/manifests/v1');
  await client.send('GET', '/nowhere');
  // A request is counted when its connection says that the answer is sent, perhaps after the client has it.
  const answer = await until(
    () => prometheus.send('GET', '/metrics'),
    ({ text }) => text.includes('route="other"'),
  );
  t.is(answer.status, 200);
  t.regex(answer.headers['content-type'] ?? '', /^text\/plain; version=0\.0\.4/);
  for (const line of [
    /^img_registry_request_seconds_count\{route="blob",method="GET",status="200"\} 1$/m,
    /^img_registry_request_seconds_count\{route="uploads",method="POST",status="201"\} 1$/m,
    /^img_registry_request_seconds_count\{route="manifest",method="other",status="405"\} 1$/m,
    /^img_registry_storage_seconds_count\{operation="complete",outcome="done"\} 1$/m,
    /^img_registry_uploads 1$/m,
    /^img_registry_tombstones 0$/m,
    /^img_registry_review_age_seconds 0$/m,
    /^process_resident_memory_bytes \d/m,
  ]) {
    t.regex(answer.text, line);
  }
  t.false(answer.text.includes('hidden'), 'no name of a repository');
});

test('metrics are at their own address and nowhere else', async (t) => {
  const { client, running } = await startTestRegistry(t, { metrics });
  const prometheus = new TestClient(new URL(running.metricsUrl as string).origin);
  t.teardown(() => prometheus.close());
  t.is((await client.send('GET', '/metrics')).status, 404);
  t.is((await prometheus.send('GET', '/v2/')).status, 404);
  t.is((await prometheus.send('POST', '/metrics')).status, 404);
  const { running: silent } = await startTestRegistry(t);
  t.is(silent.metricsUrl, undefined);
});

test('an address of metrics that is taken stops the start, and nothing listens any more', async (t) => {
  const { running } = await startTestRegistry(t);
  const taken = { address: '127.0.0.1', port: running.port };
  const error = await t.throwsAsync(startTestRegistry(t, { metrics: taken }), { instanceOf: ServerError });
  t.is(error?.code, 'ADDRESS_IN_USE');
});

test('mergeFamilies() says of whom each count is, and once what workers share', async (t) => {
  const { client, running } = await startTestRegistry(t, {
    worker: { number: 1, count: 2, isMeasured: true },
  });
  await client.send('POST', '/v2/app/blobs/uploads/');
  const { running: second } = await startTestRegistry(t, {
    worker: { number: 2, count: 2, isMeasured: true },
  });
  const text = await mergeFamilies([await running.families(), await second.families()]);
  for (const line of [
    /^img_registry_requests_active\{worker="2"\} 0$/m,
    /^process_start_time_seconds\{worker="1"\} \d+$/m,
    /^img_registry_uploads 1$/m,
    /^img_registry_workers 2$/m,
  ]) {
    t.regex(text, line);
  }
  t.is(text.match(/^img_registry_uploads /gm)?.length, 1);
  const { running: unmeasured } = await startTestRegistry(t);
  t.deepEqual(await unmeasured.families(), []);
});

async function until<T>(ask: () => Promise<T>, isDone: (answer: T) => boolean): Promise<T> {
  for (;;) {
    const answer = await ask();
    if (isDone(answer)) return answer;
  }
}
