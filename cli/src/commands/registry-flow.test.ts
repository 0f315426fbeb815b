import { readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { type Instance, newInstance } from '../testing/run-img.ts';
import { writeTestApp } from '../testing/test-app.ts';
import { administrator, startTestRegistry } from '../testing/test-registry.ts';
import { typeInto } from '../testing/type-into.ts';

const secret = { IMG_KEY_PASSPHRASE: 'x' };

/** A publisher with the key alice, an image and a registry, and a host with an empty store that trusts nobody. */
async function prepare(t: ExecutionContext) {
  const base = await newInstance(t);
  const registry = await startTestRegistry(t, base);
  const publisher = withVariables(base, { IMG_REGISTRY: registry, ...secret });
  const host = withVariables(base, {
    IMG_REGISTRY: registry,
    IMG_CONFIG: join(base.folder, 'host-config'),
    IMG_ROOT: join(base.folder, 'host-root'),
    DOCKER_CONFIG: join(base.folder, 'host-docker'),
  });
  await publisher.run(['key', 'new', 'alice']);
  await writeTestApp(base, 'one');
  await publisher.run(['build', 'app']);
  const login = (user: Instance, password = administrator.password) => {
    return user.run(['login', '-u', administrator.name, '--password-stdin'], { input: `${password}\n` });
  };
  return { base, registry, publisher, host, login };
}

function withVariables(instance: Instance, variables: { readonly [name: string]: string }): Instance {
  return {
    ...instance,
    run: (words, options = {}) => {
      return instance.run(words, { ...options, variables: { ...variables, ...options.variables } });
    },
  };
}

test('img login checks a password before it stores it, for its owner only', async (t) => {
  const { base, registry, publisher, login } = await prepare(t);
  const wrong = await login(publisher, 'wrong');
  t.is(wrong.code, 5);
  t.is(wrong.stdout, '');
  t.regex(
    wrong.stderr,
    new RegExp(
      `^img: .*wrong user name or password.*\n {5}hint: log in again with: img login ${registry}\n$`,
    ),
  );
  const file = join(base.folder, 'docker/config.json');
  await t.throwsAsync(readFile(file), { code: 'ENOENT' });
  t.is((await login(publisher)).stdout, `logged in to ${registry} as admin\n`);
  t.is((await stat(file)).mode & 0o777, 0o600);
  t.deepEqual(Object.keys((JSON.parse(await readFile(file, 'utf8')) as { auths: object }).auths), [registry]);
  t.regex((await publisher.run(['logout'])).stderr, /^logged out of /);
  t.regex((await publisher.run(['logout'])).stderr, /^nothing was stored for /);
});

const refusedLogins: readonly [words: string[], code: number, stderr: RegExp, reason: string][] = [
  [
    ['quay-loca', '-u', 'a', '--password-stdin'],
    2,
    /neither an alias nor the address.*\n {5}hint: did you mean quay-local\?/,
    'a mistyped alias',
  ],
  [['-u', 'a'], 1, /no terminal to ask.*\n {5}hint: give --username and --password-stdin/, 'nowhere to ask'],
  [['127.0.0.1:1', '-u', 'a', '--password-stdin'], 1, /127\.0\.0\.1:1/, 'no registry there'],
];

for (const [words, wanted, message, reason] of refusedLogins) {
  test(`img login ${words[0]} is refused: ${reason}`, async (t) => {
    const { run } = await newInstance(t);
    const { code, stderr } = await run(['login', ...words], { input: 'x' });
    t.is(code, wanted);
    t.regex(stderr, message);
  });
}

test('img login asks on the terminal, and shows the name but not the password', async (t) => {
  const { base, registry } = await prepare(t);
  const terminal = { ...base, variables: { ...base.variables, IMG_REGISTRY: registry } };
  const answers = [`${administrator.name}\r`, `${administrator.password}\r`];
  const { code, shown } = await typeInto(terminal, ['login'], answers);
  t.is(code, 0, shown);
  t.true(shown.startsWith(`User name for ${registry}: admin`));
  t.false(shown.includes(administrator.password));
});

test('img push without a login ends with 5 and tells how to log in', async (t) => {
  const { publisher, registry } = await prepare(t);
  const { code, stderr } = await publisher.run(['push', 'com.example.app']);
  t.is(code, 5);
  t.regex(stderr, new RegExp(`\n {5}hint: log in with: img login ${registry}\n$`));
});

test('img push takes all tags and signatures along, img pull fetches them, and nothing is sent twice', async (t) => {
  const { publisher, host, login } = await prepare(t);
  await login(publisher);
  await publisher.run(['sign', '--key', 'alice', 'com.example.app']);
  const pushed = await publisher.run(['push', 'com.example.app']);
  t.regex(
    pushed.stdout,
    /^com\.example\.app:1\.0\.0 {2}sha256:\w+\ncom\.example\.app:latest {2}sha256:\w+\n$/,
  );
  t.regex(pushed.stderr, /^\d+ blobs sent, 0 were there already, in /);
  t.regex((await publisher.run(['push', 'com.example.app'])).stderr, /^0 blobs sent, /);
  const pulled = await host.run(['pull', 'com.example.app:1.0.0']);
  t.is(pulled.code, 0, pulled.stderr);
  t.regex(pulled.stderr, /com\.example\.app:1\.0\.0 is not trusted: no rule/);
  t.regex((await host.run(['pull', 'com.example.app'])).stderr, /^0 blobs fetched, /);
  await host.run(['trust', 'add', './config/keys/alice.pub', '--name', 'Alice', '--prefix', 'com.example.']);
  t.regex(
    (await host.run(['pull', 'com.example.app'])).stderr,
    /^Signed By: Alice \(1 of alice for com\.example\.\*\) - com\.example\.app:latest, #1$/m,
  );
});

test('img pull --verify fetches nothing of an image that is not trusted here, and remembers one that is', async (t) => {
  const { publisher, host, login } = await prepare(t);
  await login(publisher);
  await publisher.run(['push', '--sign', 'alice', 'com.example.app']);
  const words = ['pull', '--verify', 'com.example.app:1.0.0'];
  const refused = await host.run(words);
  t.is(refused.code, 3);
  t.is(refused.stdout, '');
  t.regex(refused.stderr, /^img: com\.example\.app:1\.0\.0 is not trusted: no rule .*\n {5}hint: /m);
  t.deepEqual(JSON.parse((await host.run(['images', '--json'])).stdout), []);
  await host.run(['trust', 'add', './config/keys/alice.pub', '--prefix', 'com.example.']);
  const pulled = await host.run(words);
  t.is(pulled.code, 0, pulled.stderr);
  t.regex(pulled.stderr, /^Signed By: alice/m);
  const explained = JSON.parse(
    (await host.run(['trust', 'explain', 'com.example.app:1.0.0', '--json'])).stdout,
  );
  t.like(explained, { trusted: true, sequence: 1 });
  t.regex(JSON.stringify(explained.steps), /this host has accepted number 1 before/);
});

test('img pull of what the registry does not have ends with 4', async (t) => {
  const { host } = await prepare(t);
  const { code, stderr } = await host.run(['pull', 'com.example.none']);
  t.is(code, 4, stderr);
});

test('img pull and push pass through a host that is not the builder', async (t) => {
  const { publisher, host, login } = await prepare(t);
  await login(publisher);
  await login(host);
  await publisher.run(['push', 'com.example.app:1.0.0']);
  await host.run(['pull', 'com.example.app:1.0.0']);
  await host.run(['key', 'new', 'bob'], { variables: secret });
  t.is((await host.run(['sign', '--key', 'bob', 'com.example.app:1.0.0'], { variables: secret })).code, 0);
  t.is((await host.run(['push', 'com.example.app:1.0.0'])).code, 0, 'the layers are in the registry already');
});

test('img sign numbers a tag on from what the registry knows, and joins the number of the same image', async (t) => {
  const { base, publisher, host, login } = await prepare(t);
  await login(publisher);
  await login(host);
  t.regex((await publisher.run(['sign', '--key', 'alice', 'com.example.app:1.0.0'])).stdout, / {2}#1 /);
  await publisher.run(['push', 'com.example.app:1.0.0']);
  await writeTestApp(base, 'two');
  await publisher.run(['build', 'app']);
  t.regex((await publisher.run(['sign', '--key', 'alice', 'com.example.app:1.0.0'])).stdout, / {2}#2 /);
  await publisher.run(['push', 'com.example.app:1.0.0']);

  // Bob has nothing but the registry's newest image, and counts Alice's statements because he trusts her.
  await host.run(['trust', 'add', './config/keys/alice.pub', '--prefix', 'com.example.']);
  await host.run(['pull', 'com.example.app:1.0.0']);
  await host.run(['key', 'new', 'bob'], { variables: secret });
  t.regex(
    (await host.run(['sign', '--key', 'bob', 'com.example.app:1.0.0'], { variables: secret })).stdout,
    / {2}#2 /,
  );
});

test('img sign says so when the registry cannot be asked, and does not ask when told so', async (t) => {
  const { publisher } = await prepare(t);
  const away = { variables: { IMG_REGISTRY: '127.0.0.1:1' } };
  await publisher.run(['build', 'app'], away);
  const signed = await publisher.run(['sign', '--key', 'alice', 'com.example.app'], away);
  t.is(signed.code, 0);
  t.regex(signed.stderr, /^127\.0\.0\.1:1 can't be asked, so the number comes from what this host knows$/m);
  const alone = await publisher.run(['sign', '--key', 'alice', '--no-registry', 'com.example.app'], away);
  t.notRegex(alone.stderr, /can't be asked/);
});

test('img sign makes statements that end, and names its key as OpenSSH does', async (t) => {
  const { publisher } = await prepare(t);
  const { stdout } = await publisher.run([
    'sign',
    '--key',
    'alice',
    '--expires',
    '30d',
    '--json',
    'com.example.app:1.0.0',
  ]);
  const [signed] = JSON.parse(stdout) as {
    reference: string;
    sequence: number;
    expires: string;
    key: string;
  }[];
  t.like(signed, { reference: 'com.example.app:1.0.0', sequence: 1 });
  t.regex(signed?.key ?? '', /^SHA256:[\w+/]{43}$/);
  const days = (Date.parse(signed?.expires ?? '') - Date.now()) / 86_400_000;
  t.true(days > 29.9 && days <= 30);
});

const refusedSignings: readonly [words: string[], code: number, stderr: RegExp, reason: string][] = [
  [['com.example.app'], 2, /required option '--key <key>' not specified/, 'no key'],
  [
    ['--key', 'alise', 'com.example.app'],
    4,
    /no key alise.*\n {5}hint: did you mean alice\?/,
    'a mistyped key',
  ],
  [['--key', './none.key', 'com.example.app'], 4, /there is no file "\.\/none\.key"/, 'no such file'],
  [['--key', 'alice', '--expires', 'soon', 'com.example.app'], 2, /such as 30d/, 'a wrong time'],
];

for (const [words, wanted, message, reason] of refusedSignings) {
  test(`img sign ${words.join(' ')} is refused: ${reason}`, async (t) => {
    const { publisher } = await prepare(t);
    const { code, stderr } = await publisher.run(['sign', ...words]);
    t.is(code, wanted);
    t.regex(stderr, message);
  });
}

test('img sign with a wrong passphrase stores nothing', async (t) => {
  const { publisher } = await prepare(t);
  const wrong = { variables: { IMG_KEY_PASSPHRASE: 'wrong' } };
  const { code, stderr } = await publisher.run(['sign', '--key', 'alice', 'com.example.app'], wrong);
  t.is(code, 1);
  t.regex(stderr, /^img: passphrase does not open the key file/);
  t.regex((await publisher.run(['verify', '--json', 'com.example.app'])).stdout, /"findings": \[\]/);
});

test('img verify tells who signed by which rule, and ends with 3 and the reason otherwise', async (t) => {
  const { publisher } = await prepare(t);
  const { run } = publisher;
  const verify = (...words: string[]) => run(['verify', ...words]);
  const unknown = await verify('com.example.app');
  t.is(unknown.code, 3);
  t.is(unknown.stdout, '');
  t.regex(
    unknown.stderr,
    /^img: com\.example\.app:latest is not trusted: no rule says who may sign com\.example\.app\n {5}hint: /,
  );
  await run(['trust', 'add', 'alice', '--name', 'Alice', '--prefix', 'com.example.']);
  t.regex((await verify('com.example.app')).stderr, /is not trusted: it has no signature/);
  await run(['sign', '--key', 'alice', 'com.example.app:latest']);
  t.deepEqual(await verify('com.example.app'), {
    code: 0,
    stdout: 'Signed By: Alice (1 of alice for com.example.*) - com.example.app:latest, #1\n',
    stderr: '',
  });
  const other = await verify('com.example.app:1.0.0', '--verbose');
  t.is(other.code, 3);
  t.regex(other.stderr, /simple-signing 1: Alice signed it as tag latest, not 1\.0\.0 \(OTHER_TAG\)/);
  await run(['key', 'new', 'bob']);
  await run(['trust', 'add', 'bob', '--name', 'Bob', '--prefix', 'com.example.', '--require', '2']);
  const tooFew = await verify('--json', 'com.example.app');
  t.is(tooFew.code, 3);
  t.like(JSON.parse(tooFew.stdout), {
    trusted: false,
    code: 'TOO_FEW_SIGNERS',
    rule: { prefix: 'com.example.', require: 2, of: ['alice', 'bob'] },
  });
  await run(['sign', '--key', 'bob', 'com.example.app:latest']);
  t.regex(
    (await verify('com.example.app')).stdout,
    /^Signed By: Alice, Bob \(2 of alice, bob for com\.example\.\*\)/,
  );
});

test('img verify looks at the registry for what this host does not have', async (t) => {
  const { publisher, host, login } = await prepare(t);
  await login(publisher);
  await publisher.run(['sign', '--key', 'alice', 'com.example.app']);
  await publisher.run(['push', 'com.example.app']);
  await host.run(['trust', 'add', './config/keys/alice.pub', '--name', 'Alice', '--prefix', 'com.example.']);
  t.regex((await host.run(['verify', 'com.example.app'])).stdout, /^Signed By: Alice/);
  t.is((await host.run(['images'])).stdout, '', 'nothing was fetched');
  t.regex(
    (await host.run(['inspect', 'com.example.app'])).stdout,
    /^found in +127\.0\.0\.1:\d+\/com\.example\.app$/m,
  );
});
