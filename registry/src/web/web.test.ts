import { parseProof } from '@img/sign/log/tlog-proof';
import { encodeTrustDocument } from '@img/sign/trust-document';
import test from 'ava';
import { organisation, type Stage, startStage } from '../accounts/testing/stage.ts';
import { TestClient } from '../server/testing/test-client.ts';
import { pushManifest } from '../server/testing/test-registry.ts';
import { shortDigest, sizeText } from './format.ts';
import {
  aliceDocument,
  openLog,
  openRepository,
  repository,
  startShopWindow,
} from './testing/shop-window.ts';

const form = { 'content-type': 'application/x-www-form-urlencoded' };

/** A browser: keeps the cookie of its log-in. */
class Browser {
  readonly #stage: Stage;
  cookie = '';

  constructor(stage: Stage) {
    this.#stage = stage;
  }

  get(path: string) {
    return this.#stage.anonymous.send('GET', path, { headers: { cookie: this.cookie } });
  }

  async post(path: string, fields: { [name: string]: string }, headers: { [name: string]: string } = {}) {
    const answer = await this.#stage.anonymous.send('POST', path, {
      headers: { ...form, origin: this.#stage.running.url, cookie: this.cookie, ...headers },
      body: new URLSearchParams(fields).toString(),
    });
    const cookie = answer.headers['set-cookie']?.split(';')[0];
    if (cookie !== undefined) this.cookie = cookie;
    return answer;
  }

  logIn(name: string, password = 'long enough') {
    return this.post('/login', { name, password });
  }

  async csrf(path: string): Promise<string> {
    return /name="csrf" value="(\w+)"/.exec((await this.get(path)).text)?.[1] ?? '';
  }
}

test('pages show everybody what is public, members what is theirs, and others nothing', async (t) => {
  const stage = await startShopWindow(t);
  const see = async (browser: Browser) => {
    const { text } = await browser.get('/');
    return [text.includes(`/r/${repository}"`), text.includes(`/r/${openRepository}"`)];
  };
  const browser = new Browser(stage);
  t.deepEqual(await see(browser), [false, true]);
  t.is((await browser.logIn('reader')).status, 303);
  t.deepEqual(await see(browser), [true, true]);
  t.regex((await browser.get('/')).text, />2<\/td>/, 'tags of signatures are not counted');
  t.is((await browser.get(`/r/${repository}`)).status, 200);
  const outsider = new Browser(stage);
  await outsider.logIn('outsider');
  t.deepEqual(await see(outsider), [false, true]);
  const answers = await Promise.all(
    [`/r/${repository}`, '/r/com.example.absent', `/r/${repository}:1.0`, '/r/UPPER', '/r/x:y:z'].map(
      async (path) => {
        const { status, text } = await outsider.get(path);
        return `${status} ${text}`;
      },
    ),
  );
  t.is(new Set(answers).size, 1, 'what is hidden and what is not there look alike');
  t.true(answers[0]?.startsWith('404 '));
});

test('the pages of a log show what was signed, by whom that is known, and the proof of each entry', async (t) => {
  const stage = await startShopWindow(t);
  await openLog(stage, 26);
  const { key } = (await stage.as('reader').send('GET', `/log?name=${organisation}`)).json as { key: string };
  const browser = new Browser(stage);
  t.is((await browser.get('/l/com.example')).status, 404, 'the log is private');
  t.false((await browser.get(`/r/${openRepository}`)).text.includes('/l/com.example'));
  await browser.logIn('reader');
  t.true((await browser.get(`/r/${repository}`)).text.includes('href="/l/com.example"'));
  const newest = (await browser.get('/l/com.example')).text;
  t.true(newest.includes(`<code>${key}</code>`));
  t.regex(newest, /<dt>Entries<\/dt><dd>27<\/dd>/);
  t.deepEqual([...newest.matchAll(/\?entry=(\d+)"/g)].map(([, n]) => Number(n)).slice(0, 2), [26, 25]);
  t.is(newest.match(/<span class="good">Alice Example<\/span>/g)?.length, 24);
  t.is(newest.match(/a key that is not known here/g)?.length, 1, 'whoever pushes can name any key');
  const older = (await browser.get('/l/com.example?before=2')).text;
  t.deepEqual(
    [...older.matchAll(/\?entry=(\d+)"/g)].map(([, n]) => Number(n)),
    [1, 0],
  );
  const entry = (await browser.get('/l/com.example?entry=3')).text;
  t.regex(entry, /com\.example\.app:1\.0 <span class="quiet">#4<\/span>/);
  const proof = /<pre>(c2sp\.org\/tlog-proof@v1[^<]*)<\/pre>/.exec(entry)?.[1] ?? '';
  t.like(parseProof(proof.replaceAll('&#39;', "'").replaceAll('&amp;', '&')), { index: 3 });
  for (const path of ['?entry=27', '?entry=-1', '?entry=x', 's', '/x', '']) {
    t.is((await browser.get(`/l/com.example${path}`)).status, path === '' ? 200 : 404, path);
  }
  const outsider = new Browser(stage);
  await outsider.logIn('outsider');
  t.is((await outsider.get('/l/com.example')).status, 404);
});

test('a repository and an image say what they are and who signed them', async (t) => {
  const stage = await startShopWindow(t);
  const browser = new Browser(stage);
  await browser.logIn('reader');
  const { digest } = stage.image.manifest.descriptor;
  const list = (await browser.get(`/r/${repository}`)).text;
  t.regex(list, /<span class="good">Alice Example<\/span>/);
  t.true(list.includes(shortDigest(digest)));
  t.true(list.includes('linux/amd64'));
  t.regex(
    list,
    /<span class="bad">com\.example\.app:2\.0-rc is not trusted: /,
    'the tag that was not signed',
  );
  t.false(list.includes('sha256-'), 'tags that attach signatures are none of the image');
  for (const path of [`/r/${repository}:1.0`, `/r/${repository}@${digest}`]) {
    const { status, text } = await browser.get(path);
    t.is(status, 200);
    t.true(text.includes(digest) && text.includes('Alice Example') && text.includes('Layers'), path);
    t.true(text.includes(`img verify ${stage.running.host}${path.slice(2)}`), path);
    t.true(text.includes('application/vnd.dev.sigstore.bundle'), 'the attached signature');
  }
  const open = (await browser.get(`/r/${openRepository}`)).text;
  t.regex(open, /<span class="quiet">nobody<\/span>/);
});

test('where a rule says who must sign, pages show it, who met it and when a tag was admitted', async (t) => {
  const stage = await startShopWindow(t);
  const { digest } = stage.image.manifest.descriptor;
  await stage.call('putTag', { repository, tag: '3.0' }, { digest });
  const document = Buffer.from(encodeTrustDocument(aliceDocument)).toString();
  await stage.call('putOrganisationRule', { organisation }, { document });
  await stage.call('putTag', { repository, tag: '1.0' }, { digest });
  const browser = new Browser(stage);
  await browser.logIn('writer');
  const list = (await browser.get(`/r/${repository}`)).text;
  t.regex(
    list,
    /Tags must be signed by <strong>1 of alice for com\.example\.\*<\/strong>\s+<span class="quiet">by the rule of com\.example</,
  );
  for (const path of [`/r/${repository}`, `/r/${repository}:1.0`]) {
    t.regex(
      (await browser.get(path)).text,
      /Alice Example<\/span> <span class="quiet">1 of alice for com\.example\.\*, admitted <time /,
      path,
    );
  }
  t.regex((await browser.get(`/r/${repository}@${digest}`)).text, /1 of alice for com\.example\.\*<\/span>/);
  t.regex((await browser.get(`/r/${repository}:3.0`)).text, /Alice Example signed it as tag 1\.0, not 3\.0/);
  const csrf = await browser.csrf(`/r/${repository}:3.0?history`);
  const restored = await browser.post('/restore', { csrf, reference: `${repository}:3.0`, digest });
  t.is(restored.status, 403);
  t.regex(
    restored.text,
    /the rule of com\.example refuses this tag: .*not 3\.0.*Push the image by its digest/,
  );
});

test('the activity shows who pushed what, and accounts to administrators only', async (t) => {
  const stage = await startShopWindow(t);
  const browser = new Browser(stage);
  t.is((await browser.get('/activity')).headers['location'], '/login?next=/activity');
  await browser.logIn('outsider');
  const outside = (await browser.get('/activity')).text;
  t.true(outside.includes(`${openRepository}:1.0`));
  t.false(outside.includes(repository) || outside.includes('create user'));
  await browser.logIn('admin', 'correct horse');
  const inside = (await browser.get('/activity')).text;
  t.true(inside.includes(`${repository}:1.0`) && inside.includes('create user'));
});

test('the history of a tag lets who may push restore what it was, and nobody else', async (t) => {
  const stage = await startStage(t);
  const into = 'com.example.open';
  const manifest = { schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests: [] };
  const old = await pushManifest(stage.client, manifest, { into, reference: 'v1' });
  await pushManifest(stage.client, { ...manifest, annotations: { a: 'b' } }, { into, reference: 'v1' });
  const path = `/r/${into}:v1?history`;
  const everybody = (await new Browser(stage).get(path)).text;
  t.true(everybody.includes(shortDigest(old.digest)));
  t.false(everybody.includes('Restore'));
  const fields = { reference: `${into}:v1`, digest: old.digest };
  const restore = async (who: string) => {
    const browser = new Browser(stage);
    await browser.logIn(who);
    const csrf = await browser.csrf(path);
    return (await browser.post('/restore', { ...fields, csrf })).status;
  };
  t.is(await restore('outsider'), 403);
  t.is((await new Browser(stage).post('/restore', fields)).status, 403, 'nobody is logged in');
  t.is(await restore('writer'), 303);
  const { headers } = await stage.client.send('HEAD', `/v2/${into}/manifests/v1`);
  t.is(headers['docker-content-digest'], old.digest);
  for (const absent of [`/r/${into}:v2?history`, `/r/${into}?history`, '/r/com.example.app:v1?history']) {
    t.is((await new Browser(stage).get(absent)).status, 404, absent);
  }
});

test('an admin of the organisation makes a repository public by its form, others can not', async (t) => {
  const stage = await startShopWindow(t);
  const owner = new Browser(stage);
  await owner.logIn('owner');
  const path = `/r/${repository}`;
  t.regex((await owner.get(path)).text, /Make public/);
  const csrf = await owner.csrf(path);
  t.is((await owner.post('/visibility', { csrf, repository, visibility: 'public' })).status, 303);
  t.is((await new Browser(stage).get(path)).status, 200);
  t.is((await owner.post('/visibility', { csrf, repository, visibility: 'private' })).status, 303);
  t.is((await new Browser(stage).get(path)).status, 404);
  const writer = new Browser(stage);
  await writer.logIn('writer');
  t.notRegex((await writer.get(path)).text, /Make public/);
  const own = await writer.csrf(path);
  t.is((await writer.post('/visibility', { csrf: own, repository, visibility: 'public' })).status, 403);
});

test('forms of other sites, without the field or after another log-in are refused', async (t) => {
  const stage = await startShopWindow(t);
  const owner = new Browser(stage);
  await owner.logIn('owner');
  const csrf = await owner.csrf('/');
  const fields = { csrf, repository, visibility: 'public' };
  for (const [origin, reason] of [
    ['https://evil.example', 'another site'],
    ['null', 'a sandbox'],
    ['', 'no origin'],
    [`${stage.running.url}.evil.example`, 'a longer name'],
  ] as const) {
    t.is((await owner.post('/visibility', fields, { origin })).status, 403, reason);
  }
  t.is((await owner.post('/visibility', { ...fields, csrf: '' })).status, 403, 'no field');
  t.is((await owner.post('/visibility', { ...fields, csrf: 'x'.repeat(64) })).status, 403, 'a wrong field');
  t.is(
    (
      await new Browser(stage).post(
        '/login',
        { name: 'owner', password: 'long enough' },
        { origin: 'https://evil.example' },
      )
    ).status,
    403,
  );
  await owner.logIn('owner');
  t.is((await owner.post('/visibility', fields)).status, 403, 'the field of the log-in before');
  t.is((await new Browser(stage).get(`/r/${repository}`)).status, 404);
});

test('a log-in has a cookie that scripts and other sites do not get, and ends by the button, by time and by a new password', async (t) => {
  const stage = await startShopWindow(t);
  const browser = new Browser(stage);
  const { headers } = await browser.logIn('reader');
  t.regex(
    headers['set-cookie'] ?? '',
    /^img-session=[\w-]{43}; Path=\/; Max-Age=43200; HttpOnly; SameSite=Lax$/,
  );
  const isIn = async (one: Browser) => (await one.get('/')).text.includes('Log out');
  t.true(await isIn(browser));
  const { cookie } = browser;
  await browser.post('/logout', { csrf: await browser.csrf('/') });
  t.false(await isIn(browser));
  browser.cookie = cookie;
  t.false(await isIn(browser), 'the cookie is worth nothing any more');
  await browser.logIn('reader');
  await stage.call('resetPassword', { user: 'reader' }, { password: 'another one' });
  t.false(await isIn(browser));
});

test('behind TLS the cookie is for it alone, and forms come from the public address', async (t) => {
  const publicUrl = 'https://registry.example.com';
  const stage = await startStage(t, { publicUrl });
  const index = { schemaVersion: 2, mediaType: 'application/vnd.oci.image.index.v1+json', manifests: [] };
  await pushManifest(stage.client, index, { into: repository, reference: '1.0' });
  const browser = new Browser(stage);
  t.is((await browser.logIn('owner')).status, 403, 'the address behind the proxy');
  const { status, headers } = await browser.post(
    '/login',
    { name: 'owner', password: 'long enough' },
    { origin: publicUrl },
  );
  t.is(status, 303);
  t.regex(headers['set-cookie'] ?? '', /^__Host-img-session=[^;]+; Path=\/; .*; Secure$/);
  t.regex(
    (await browser.get(`/r/${repository}`)).text,
    /img pull registry\.example\.com\/com\.example\.app:1\.0/,
  );
});

test('log-in refuses wrong passwords, robots and ways to other sites', async (t) => {
  const stage = await startShopWindow(t);
  const browser = new Browser(stage);
  const wrong = await browser.logIn('<reader>', 'wrong');
  t.is(wrong.status, 401);
  t.regex(wrong.text, /Wrong user name or password.*value="&lt;reader&gt;"/s);
  const made = (await stage.call(
    'createRobot',
    { organisation: repository.replace('.app', '') },
    { name: 'web', role: 'read' },
  )) as {
    logIn: string;
    token: string;
  };
  t.is((await browser.logIn(made.logIn, made.token)).status, 401);
  for (const next of ['//evil.example', '/\\evil.example', 'https://evil.example', '/"><b>']) {
    t.is(
      (await browser.post('/login', { name: 'reader', password: 'long enough', next })).headers['location'],
      '/',
      next,
    );
  }
  const own = await browser.post('/login', {
    name: 'reader',
    password: 'long enough',
    next: `/r/${repository}`,
  });
  t.is(own.headers['location'], `/r/${repository}`);
});

test('every page forbids scripts, frames and caches, also a refusal', async (t) => {
  const stage = await startShopWindow(t);
  for (const path of ['/', '/login', `/r/${openRepository}`, '/r/absent', '/r/absent:1', '/activity']) {
    const { headers, text } = await stage.anonymous.send('GET', path);
    t.regex(headers['content-security-policy'] ?? '', /^default-src 'none'; .*frame-ancestors 'none'/, path);
    t.is(headers['cache-control'], 'no-store');
    t.notRegex(text, /<script|style=|onclick/);
  }
  t.is((await stage.anonymous.send('DELETE', '/')).status, 405);
  t.is((await stage.anonymous.send('HEAD', '/')).status, 200);
  const client = new TestClient(stage.running.url);
  t.teardown(() => client.close());
  const long = await client.send('POST', '/login', {
    headers: { origin: stage.running.url },
    body: 'x'.repeat(20_000),
  });
  t.is(long.status, 413);
});

test('what is stored is shown as text, whatever it says', async (t) => {
  const stage = await startShopWindow(t);
  const { text } = await stage.anonymous.send('GET', '/?search=%3Cscript%3Ealert(1)%3C/script%3E');
  t.true(text.includes('&lt;script&gt;alert(1)&lt;/script&gt;'));
  t.false(text.includes('<script'));
});

test('sizeText() has three digits at most', (t) => {
  const sizes = [0, 999, 1000, 12_345, 99_499, 999_499, 999_500, 2.5e12, 5e15].map(sizeText);
  t.deepEqual(sizes, [
    '0 B',
    '999 B',
    '1.0 kB',
    '12.3 kB',
    '99.5 kB',
    '999 kB',
    '1.0 MB',
    '2.5 TB',
    '5000 TB',
  ]);
});
