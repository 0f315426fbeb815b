/**
 * The main job from end to end, with the real command and the embedded defaults: build, sign, serve, push, pull
 * into another host's empty store, verify, run, fetch the app's page. Everything is kept in one temporary folder,
 * which is removed at the end.
 */
import { cp, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { styleText } from 'node:util';
import { ensureRuntime } from './ensure-runtime.ts';
import { freePort } from './free-port.ts';
import { expectFailure, expectSuccess, type Person, startImg, stop } from './img.ts';
import { say, sayHeading } from './say.ts';
import { waitForPage } from './wait-for-page.ts';

const name = 'com.example.app';

/** Two machines played on one: what a person has (configuration, keys, trust, logins) and what a host has. */
type Cast = {
  readonly engineer: Person;
  readonly host: Person;
  /** Where the registry will be, known before the first image is named after it. */
  readonly registry: string;
  readonly folder: string;
};

async function main(): Promise<void> {
  const begun = performance.now();
  ensureRuntime();
  const folder = await mkdtemp(join(tmpdir(), 'img-quickstart-'));
  try {
    const registry = `127.0.0.1:${await freePort()}`;
    const [engineer, host] = [person(folder, 'engineer'), person(folder, 'host')];
    for (const { variables } of [engineer, host]) await nameRegistry(variables.IMG_CONFIG, registry);
    await play({ engineer, host, registry, folder });
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
  const seconds = ((performance.now() - begun) / 1000).toFixed(0);
  say(`\n${styleText('bold', 'Done')} in ${seconds} s. README.md shows the same path typed by hand.`);
}

async function play({ engineer, host, registry, folder }: Cast): Promise<void> {
  sayHeading('Build: a Python web service and Debian’s python3, without root and without running a script');
  const app = join(folder, 'web');
  await cp(resolve(import.meta.dirname, '../web'), app, { recursive: true });
  await expectSuccess(engineer, 'build', app);

  sayHeading('Sign: Alice says that com.example.app means this digest');
  await expectSuccess(engineer, 'key', 'new', 'alice');
  await expectSuccess(engineer, 'sign', '--key', 'alice', name);

  sayHeading('Serve: an OCI registry on files and SQLite');
  const server = await startImg(
    engineer,
    ['serve', '--listen', registry, '--public', 'com.example.'],
    /now: (\S+)[\s\S]*Ctrl-C/,
  );
  try {
    await push(engineer, server.found);
    await runElsewhere(host, join(engineer.variables.IMG_CONFIG, 'keys', 'alice.pub'));
  } finally {
    await stop(server);
  }
}

async function push(engineer: Person, password: string): Promise<void> {
  sayHeading('Push: only what the registry does not have yet, signatures along with it');
  await expectSuccess(
    { ...engineer, input: password },
    'login',
    'quay-local',
    '--username',
    'admin',
    '--password-stdin',
  );
  await expectSuccess(engineer, 'push', `quay-local/${name}`);
}

async function runElsewhere(host: Person, aliceKey: string): Promise<void> {
  sayHeading('On a host with an empty store: nobody is trusted yet, so nothing is fetched or started');
  await expectFailure(host, 3, 'run', name);

  sayHeading('Trust Alice for com.example.*, then fetch and verify');
  await expectSuccess(host, 'trust', 'add', aliceKey, '--name', 'Alice', '--prefix', 'com.example.');
  await expectSuccess(host, 'pull', name);
  await expectSuccess(host, 'verify', name);

  sayHeading('Run: verified again at this very start, then launched');
  const port = await freePort();
  const app = await startImg(
    host,
    ['run', '--net', 'host', '-e', `PORT=${port}`, '-e', 'HOST=127.0.0.1', name],
    /listening on/,
  );
  try {
    const page = await waitForPage(`http://127.0.0.1:${port}/`);
    say(`\nhttp://127.0.0.1:${port}/ says:\n${page.replace(/^/gm, '  ')}\n`);
    await expectSuccess(host, 'ps');
  } finally {
    await stop(app);
  }
}

function person(folder: string, who: string): Person {
  const place = (what: string) => join(folder, who, what);
  return {
    variables: {
      IMG_CONFIG: place('config'),
      IMG_ROOT: place('store'),
      IMG_RUN: place('run'),
      // What can be made again is shared, as on a machine that both would use.
      IMG_CACHE: join(folder, 'cache'),
      DOCKER_CONFIG: place('docker'),
      // The key is thrown away a minute later; without this, img asks for a passphrase.
      IMG_KEY_PASSPHRASE: 'only for the quickstart',
    },
  };
}

/** What `/etc/img/config.yaml` would say. Without it, quay-local is port 5000, where something else may listen. */
async function nameRegistry(folder: string, address: string): Promise<void> {
  await mkdir(folder, { recursive: true });
  const text = `registries:\n  aliases: {quay-local: "${address}"}\n  default: quay-local\n`;
  await writeFile(join(folder, 'config.yaml'), text);
}

try {
  await main();
} catch (error) {
  say(`\nThe quickstart stopped: ${(error as Error).message}`);
  process.exitCode = 1;
}
