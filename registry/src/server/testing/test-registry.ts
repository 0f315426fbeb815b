import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import { type Digest, digestOf } from '@img/spec/digest';
import type { ExecutionContext } from 'ava';
import type { RegistryOptions, RunningRegistry } from '../registry-options.ts';
import { startRegistry } from '../start-registry.ts';
import { type Answer, TestClient } from './test-client.ts';

/** Name and password of the administrator of every registry of the tests. */
export const admin = { name: 'admin', password: 'correct horse' } as const;

export type TestRegistry = {
  readonly running: RunningRegistry;
  readonly folder: string;
  /** Sends requests as the administrator. */
  readonly client: TestClient;
  /** Sends requests without credentials. */
  readonly anonymous: TestClient;
};

/** Starts a registry on a free port in an empty folder; both go when the test ends. */
export async function startTestRegistry(
  t: ExecutionContext,
  options: Partial<RegistryOptions> = {},
): Promise<TestRegistry> {
  const folder = options.dataFolder ?? temporaryFolder(t);
  const running = await startRegistry({ dataFolder: folder, administrator: admin, ...options });
  const client = new TestClient(running.url, basic(admin.name, admin.password));
  const anonymous = new TestClient(running.url);
  t.teardown(async () => {
    await Promise.all([client.close(), anonymous.close()]);
    await running.close();
  });
  return { running, folder, client, anonymous };
}

export function basic(name: string, password: string): string {
  return `Basic ${Buffer.from(`${name}:${password}`).toString('base64')}`;
}

/** Pushes a blob in one request. */
export async function pushBlob(
  client: TestClient,
  content: Uint8Array | string,
  { into = 'app', digest = digestOf(Buffer.from(content)) }: { into?: string; digest?: Digest } = {},
): Promise<Digest> {
  const answer = await client.send('POST', `/v2/${into}/blobs/uploads/?digest=${digest}`, { body: content });
  if (answer.status !== 201)
    throw new Error(`push of ${digest} was answered ${answer.status} ${answer.text}`);
  return digest;
}

/** Pushes a manifest, given as JSON, under a tag or digest. */
export async function pushManifest(
  client: TestClient,
  manifest: { readonly mediaType: string; readonly [field: string]: unknown },
  { into = 'app', reference }: { into?: string; reference?: string } = {},
): Promise<{
  readonly digest: Digest;
  readonly size: number;
  readonly bytes: Buffer;
  readonly answer: Answer;
}> {
  const bytes = Buffer.from(JSON.stringify(manifest));
  const digest = digestOf(bytes);
  const answer = await client.send('PUT', `/v2/${into}/manifests/${reference ?? digest}`, {
    body: bytes,
    headers: { 'content-type': manifest.mediaType },
  });
  if (answer.status !== 201)
    throw new Error(`push of a manifest was answered ${answer.status} ${answer.text}`);
  return { digest, size: bytes.byteLength, bytes, answer };
}
