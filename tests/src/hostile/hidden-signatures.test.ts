import { join } from 'node:path';
import { answering, onRoute } from '@img/registry/testing/misbehaviours';
import type { Misbehaviour } from '@img/registry/testing/registry-double';
import { signatureTag } from '@img/sign/signature-manifest';
import { type Digest, digestOf } from '@img/spec/digest';
import { mediaTypes } from '@img/spec/media-types';
import { referrersTag } from '@img/spec/routes';
import test from 'ava';
import { setDoubleStage } from '../testing/double-stage.ts';
import { runForRefusal, withVariables } from '../testing/instance.ts';
import { leftBehind } from '../testing/left-behind.ts';
import { canRunShellApp, writeShellApp } from '../testing/shell-app.ts';
import { putSignedShellImage } from '../testing/shell-image.ts';
import { done } from '../testing/stage.ts';
import { newTestHost } from '../testing/test-host.ts';

const reference = 'com.example.app:1.0';
const hello = { code: 0, stdout: 'hello\n', stderr: '' };

/** A list of so many referrers that don't exist. */
function referrers(count = 0): string {
  const manifests = Array.from({ length: count }, (_, index) => ({
    mediaType: mediaTypes.ociManifest,
    digest: digestOf(Buffer.from(String(index))),
    size: 1,
  }));
  return JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests });
}

function answeringReferrers(
  status: number,
  body = '',
  headers: { readonly [name: string]: string } = {},
): Misbehaviour {
  const all = { 'content-type': mediaTypes.ociIndex, ...headers };
  return onRoute(
    'referrers',
    answering(({ response }) => void response.writeHead(status, all).end(body)),
  );
}

/** Each page says that there is another one. */
function endlessReferrers(perPage: number): Misbehaviour {
  let pages = 0;
  return onRoute(
    'referrers',
    answering(({ response, url }) => {
      pages += 1;
      const link = `<${url.pathname}?page=${pages}>; rel="next"`;
      response.writeHead(200, { 'content-type': mediaTypes.ociIndex, link }).end(referrers(perPage));
    }),
  );
}

/** What a registry may say of the referrers, which must never look as if nobody had signed. */
const answers: readonly {
  readonly name: string;
  readonly answer: () => Misbehaviour;
  readonly code: string;
  readonly exitCode?: number;
  readonly message: RegExp;
}[] = [
  {
    name: 'fails',
    answer: () => answeringReferrers(500),
    code: 'REGISTRY_FAILED',
    message: /^could not list the referrers of sha256:\w+ in \S+: 500 Internal Server Error$/,
  },
  {
    name: 'refuses to tell',
    answer: () => answeringReferrers(403),
    code: 'ACCESS_DENIED',
    exitCode: 5,
    message: /^could not list the referrers of sha256:\w+ in \S+: 403 Forbidden$/,
  },
  {
    name: 'answers with a web page',
    answer: () => answeringReferrers(200, '<html>', { 'content-type': 'text/html' }),
    code: 'CONTENT_TYPE_INVALID',
    message: /: the answer is "text\/html", not an index$/,
  },
  {
    name: 'answers with half a list',
    answer: () => answeringReferrers(200, referrers(2).slice(0, -10)),
    code: 'IMAGE_INVALID',
    message: /^could not list the referrers of /,
  },
  {
    name: 'has a list without end',
    answer: () => endlessReferrers(1000),
    code: 'ANSWER_TOO_LONG',
    message: /: there are more than the 4096 allowed$/,
  },
  {
    name: 'has a list that goes round',
    answer: () => answeringReferrers(200, referrers(), { link: '<?page=2>; rel="next"' }),
    code: 'LINK_REFUSED',
    message: /: the pages have no end$/,
  },
  {
    name: 'continues the list on another machine',
    answer: () => answeringReferrers(200, referrers(), { link: '<http://192.0.2.1/v2/>; rel="next"' }),
    code: 'LINK_REFUSED',
    message: /: the next page is said to be at "http:\/\/192\.0\.2\.1\/v2\/", outside of the registry$/,
  },
];

for (const { name, answer, code, exitCode = 1, message } of answers) {
  test(`img run ends with ${code} where the registry, asked for signatures, ${name}`, async (t) => {
    if (!canRunShellApp(t)) return;
    const { double, repository, host } = await setDoubleStage(t);
    await putSignedShellImage(repository);
    const misbehaviour = answer();
    let isMisbehaving = true;
    double.misbehave((exchange) => isMisbehaving && misbehaviour(exchange));
    const refusal = await runForRefusal(host, ['run', reference]);
    t.like(refusal, { code: exitCode, error: { code } }, refusal.stderr);
    t.regex(refusal.error?.message ?? '', message);
    t.deepEqual(leftBehind(host), []);
    isMisbehaving = false;
    t.deepEqual(await host.run(['run', reference]), hello);
  });
}

test('signatures that one of the two ways to find them hides are found in the other', async (t) => {
  if (!canRunShellApp(t)) return;
  const { double, repository, host } = await setDoubleStage(t);
  const { descriptor } = await putSignedShellImage(repository);
  double.misbehave(answeringReferrers(200, referrers()));
  t.deepEqual(await host.run(['run', reference]), hello);
  double.manifests.delete(`com.example.app:${signatureTag(descriptor.digest)}`);
  const other = await newTestHost(t, double.host);
  const refusal = await runForRefusal(other, ['run', reference]);
  t.like(refusal, { code: 3, error: { code: 'NOT_TRUSTED', reason: 'UNSIGNED' } }, 'hidden in both');
  t.deepEqual(await host.run(['run', reference]), hello, 'who has seen them keeps them');
});

test('a registry without a referrers API keeps the signatures of img push, which img verify and run find', async (t) => {
  if (!canRunShellApp(t)) return;
  const { double, host: publisher } = await setDoubleStage(t);
  double.hasReferrersApi = false;
  const ann = withVariables(publisher, { IMG_KEY_PASSPHRASE: 'x' });
  await writeShellApp(publisher.folder);
  await done(ann, ['key', 'new', 'ann']);
  const built = JSON.parse(await done(ann, ['build', '--json', 'app'])) as { readonly digest: Digest };
  await done(ann, ['sign', '--key', 'ann', 'com.example.app:1.0.0']);
  await done(ann, ['push', 'com.example.app:1.0.0']);
  t.true(double.manifests.has(`com.example.app:${referrersTag(built.digest)}`));
  double.manifests.delete(`com.example.app:${signatureTag(built.digest)}`);
  const host = await newTestHost(t, double.host, []);
  const key = join(publisher.folder, 'config/keys/ann.pub');
  await done(host, ['trust', 'add', key, '--name', 'Ann', '--prefix', 'com.example.']);
  t.is((await host.run(['verify', 'com.example.app:1.0.0'])).code, 0);
  t.deepEqual(await host.run(['run', 'com.example.app:1.0.0']), hello);
});
