import { mkdir, readdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { temporaryFolder } from '@img/sign/testing/temporary-folder';
import { digestHex, digestOf } from '@img/spec/digest';
import { mediaTypes } from '@img/spec/media-types';
import { parseNamePrefix } from '@img/spec/name-prefix';
import test, { type ExecutionContext } from 'ava';
import { passConformance } from './testing/conformance.ts';
import { admin, startTestRegistry, type TestRegistry } from './testing/test-registry.ts';
import { findTool, type Tool, type ToolRun } from './testing/tools.ts';

test('the official conformance suite passes, with nothing failed, skipped or disabled', async (t) => {
  const { running } = await startTestRegistry(t);
  await passConformance(t, running.host, temporaryFolder(t));
});

test('crane pushes, validates, copies, lists and deletes', async (t) => {
  const crane = await findTool(t, 'crane', { isOptional: true });
  if (crane === undefined) return;
  const { registry, ok, environment } = await prepare(t, crane);
  const { host } = registry.running;
  const refused = await crane(['auth', 'login', host, '-u', admin.name, '-p', 'wrong'], environment);
  t.is(refused.status, 0, 'crane notes credentials without trying them');
  t.not((await crane(['ls', `${host}/app`], environment)).status, 0);
  await ok(['auth', 'login', host, '-u', admin.name, '-p', admin.password]);
  const layer = join(temporaryFolder(t), 'layer.tar');
  await writeFile(layer, Buffer.alloc(3_000_000, 0));
  await ok(['append', '-f', layer, '-t', `${host}/public/app:1`]);
  await ok(['validate', '--remote', `${host}/public/app:1`]);
  await ok(['copy', `${host}/public/app:1`, `${host}/private/app:2`]);
  await ok(['tag', `${host}/private/app:2`, 'latest']);
  t.is((await ok(['ls', `${host}/private/app`])).stdout, '2\nlatest\n');
  t.is((await ok(['catalog', host])).stdout, 'private/app\npublic/app\n');
  const digest = (await ok(['digest', `${host}/private/app:2`])).stdout.trim();
  await ok(['delete', `${host}/private/app@${digest}`]);
  t.is((await ok(['ls', `${host}/private/app`])).stdout, '');
  const nobody = { DOCKER_CONFIG: temporaryFolder(t) };
  t.is((await crane(['digest', `${host}/public/app:1`], nobody)).stdout.trim(), digest);
  t.regex((await crane(['digest', `${host}/private/app:2`], nobody)).stderr, /UNAUTHORIZED/);
});

test('oras logs in, attaches, discovers and copies with referrers', async (t) => {
  const oras = await findTool(t, 'oras', { isOptional: true });
  if (oras === undefined) return;
  const { registry, ok, environment } = await prepare(t, oras);
  const { host } = registry.running;
  const login = (password: string) => ['login', '--plain-http', '-u', admin.name, '-p', password, host];
  const refused = await oras(login('wrong'), environment);
  t.regex(refused.stderr, /wrong user name or password/);
  await ok(login(admin.password));
  const folder = temporaryFolder(t);
  await writeFile(join(folder, 'hello.txt'), 'hello');
  const plain = ['--plain-http', '--disable-path-validation'];
  await ok(['push', ...plain, `${host}/app:1,latest`, join(folder, 'hello.txt')]);
  const type = ['--artifact-type', 'application/vnd.example.sbom.v1+json'];
  await ok(['attach', ...plain, ...type, `${host}/app:1`, join(folder, 'hello.txt')]);
  const discovered = await ok(['discover', '--plain-http', '--format', 'json', ...type, `${host}/app:1`]);
  t.true(discovered.stdout.includes('application/vnd.example.sbom.v1+json'));
  await ok(['cp', '--from-plain-http', '--to-plain-http', '-r', `${host}/app:1`, `${host}/copy:1`]);
  t.is((await ok(['repo', 'tags', '--plain-http', `${host}/app`])).stdout, '1\nlatest\n');
  const pulled = join(folder, 'pulled');
  await ok(['pull', '--plain-http', '--allow-path-traversal', '-o', pulled, `${host}/copy:1`]);
  await ok(['manifest', 'delete', '--plain-http', '--force', `${host}/app:1`]);
});

test('skopeo copies in and out, inspects, lists and deletes', async (t) => {
  const skopeo = await findTool(t, 'skopeo');
  if (skopeo === undefined) return;
  const { registry, ok, environment } = await prepare(t, skopeo);
  const { host } = registry.running;
  const folder = temporaryFolder(t);
  await writeLayout(join(folder, 'image'));
  // Without this file skopeo refuses every image on machines that have no policy.
  await writeFile(join(folder, 'policy.json'), '{"default":[{"type":"insecureAcceptAnything"}]}');
  const policy = ['--policy', join(folder, 'policy.json')];
  const file = ['--authfile', join(folder, 'auth.json')];
  const login = (password: string) => [
    'login',
    '--tls-verify=false',
    ...file,
    '-u',
    admin.name,
    '-p',
    password,
    host,
  ];
  t.not((await skopeo(login('wrong'), environment)).status, 0);
  await ok(login(admin.password));
  const image = `docker://${host}/public/app:1`;
  await ok([...policy, 'copy', ...file, '--dest-tls-verify=false', `oci:${join(folder, 'image')}:v1`, image]);
  const anonymous = ['--tls-verify=false', '--no-creds'];
  const inspected = JSON.parse((await ok(['inspect', ...anonymous, image])).stdout) as { Layers: unknown[] };
  t.is(inspected.Layers.length, 1);
  t.regex((await ok(['list-tags', ...anonymous, `docker://${host}/public/app`])).stdout, /"1"/);
  await ok([...policy, 'copy', '--src-tls-verify=false', image, `oci:${join(folder, 'copy')}:v1`]);
  t.true((await readdir(join(folder, 'copy', 'blobs', 'sha256'))).length === 3);
  t.not((await skopeo(['delete', ...anonymous, image], environment)).status, 0);
  await ok(['delete', '--tls-verify=false', ...file, image]);
  t.not((await skopeo(['inspect', ...anonymous, image], environment)).status, 0);
});

/** A registry with public names, and a way to run the tool that must succeed. */
async function prepare(
  t: ExecutionContext,
  tool: Tool,
): Promise<{
  readonly registry: TestRegistry;
  readonly environment: NodeJS.ProcessEnv;
  readonly ok: (args: readonly string[]) => Promise<ToolRun>;
}> {
  const registry = await startTestRegistry(t, { anonymousPull: [parseNamePrefix('public/')] });
  const environment = { DOCKER_CONFIG: temporaryFolder(t) };
  const ok = async (args: readonly string[]) => {
    const result = await tool(args, environment);
    t.is(result.status, 0, `${args.join(' ')}: ${result.stderr}`);
    return result;
  };
  return { registry, environment, ok };
}

/** An OCI layout with one image of one empty layer, tagged v1. */
async function writeLayout(folder: string): Promise<void> {
  const blobs = join(folder, 'blobs', 'sha256');
  await mkdir(blobs, { recursive: true });
  const write = async (mediaType: string, bytes: Buffer) => {
    const digest = digestOf(bytes);
    await writeFile(join(blobs, digestHex(digest)), bytes);
    return { mediaType, digest, size: bytes.byteLength };
  };
  const json = (value: unknown) => Buffer.from(JSON.stringify(value));
  const layer = await write(mediaTypes.ociLayer, Buffer.alloc(1024));
  const rootfs = { type: 'layers', diff_ids: [layer.digest] };
  const config = await write(mediaTypes.ociConfig, json({ architecture: 'amd64', os: 'linux', rootfs }));
  const image = { schemaVersion: 2, mediaType: mediaTypes.ociManifest, config, layers: [layer] };
  const manifest = await write(mediaTypes.ociManifest, json(image));
  const annotations = { 'org.opencontainers.image.ref.name': 'v1' };
  await writeFile(
    join(folder, 'index.json'),
    json({ schemaVersion: 2, manifests: [{ ...manifest, annotations }] }),
  );
  await writeFile(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
}
