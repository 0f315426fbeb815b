import { mkdtemp, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Instance, newInstance } from '@img/cli/testing/run-img';
import { needsTool } from '@img/sign/testing/needs';
import test, { type ExecutionContext } from 'ava';
import { startImg, withVariables } from '../testing/instance.ts';
import { writeFiles } from './app-folder.ts';

// What a machine, or who works on it, must not change of an image.

const recipe = `name: com.example.same
version: "1"
os: debian:13
packages: [ca-certificates]
app: {files: src}
run: {user: app}
`;
const numbers = Array.from({ length: 40 }, (_, index) => index);

/** Where and how the image is built once more. */
type Circumstances = {
  readonly why: string;
  /** Where the app is. */
  readonly parent?: string;
  /** The order in which its files are made, which is that in which some file systems list them. */
  readonly order?: readonly number[];
  readonly wrapper?: readonly string[];
  readonly variables?: { readonly [name: string]: string };
};

const others: readonly Circumstances[] = [
  {
    why: 'another umask, time zone and locale',
    wrapper: ['sh', '-c', 'umask 077; exec "$@"', 'sh'],
    variables: { TZ: 'Pacific/Kiritimati', LC_ALL: 'tr_TR.UTF-8' },
  },
  {
    why: 'a user without any rights of root',
    wrapper: ['unshare', '--user'],
  },
  {
    why: 'a file system in memory whose folders list their files in another order',
    parent: '/dev/shm',
    order: numbers.toReversed(),
  },
];

/** Builds the app from scratch, but for what is downloaded already. */
async function digestOf(
  t: ExecutionContext,
  instance: Instance,
  { parent = tmpdir(), order = numbers, wrapper = [], variables = {} }: Omit<Circumstances, 'why'>,
): Promise<string> {
  const folder = await mkdtemp(join(parent, 'img-same-'));
  t.teardown(() => rm(folder, { recursive: true, force: true }));
  await writeFiles(join(folder, 'app'), { 'img.yaml': recipe });
  for (const number of order) {
    await writeFiles(join(folder, 'app/src'), { [`file-${number}`]: `print(${number})\n` });
  }
  const own = {
    ...variables,
    HOME: folder,
    IMG_ROOT: join(folder, 'root'),
    IMG_CONFIG: join(folder, 'config'),
  };
  const place = { ...withVariables(instance, own), folder };
  const { ended } = startImg(t, place, ['build', 'app', '--no-cache', '--json', '--quiet'], { wrapper });
  const { stdout, stderr } = await ended;
  t.not(stdout, '', stderr);
  return JSON.parse(stdout).digest;
}

test('img build gives an image the same digest as anybody, anywhere', async (t) => {
  if (!needsTool(t, 'unshare')) return;
  const instance = await newInstance(t);
  const digest = await digestOf(t, instance, {});
  t.regex(digest, /^sha256:/);
  for (const { why, ...circumstances } of others) {
    const { parent } = circumstances;
    const isThere = parent === undefined || (await stat(parent).catch(() => undefined)) !== undefined;
    if (isThere) t.is(await digestOf(t, instance, circumstances), digest, why);
    else t.log(`left out: ${why}: there is no ${parent}`);
  }
});
