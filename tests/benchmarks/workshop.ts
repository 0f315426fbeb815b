import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cp, mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Credentials } from '@img/registry/client/credentials';
import { type Command, runCommand } from './command.ts';

const example = join(import.meta.dirname, '../../examples/web');
/** As people start it. */
const program = join(import.meta.dirname, '../../cli/bin/img');
const password = 'only for the benchmark';

/** The Dockerfile that people would write for the example, instead of its img.yaml. */
const dockerfile = `FROM localhost/base
RUN apt-get update -qq && apt-get install -qq -y --no-install-recommends python3 && rm -rf /var/lib/apt/lists/*
RUN useradd --system app
COPY src /opt/app
USER app
EXPOSE 8080
STOPSIGNAL SIGTERM
CMD ["python3", "/opt/app/main.py"]
`;

/** Folders, a registry and the example app twice, once for img and once for buildah. */
export class Workshop implements AsyncDisposable {
  readonly folder: string;
  #registry: ChildProcess | undefined;
  /** Where the registry listens, once it has found a free port. */
  #address: string | undefined;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /** The caller closes it with `await using`; nothing is left then but what is cached. */
  static async open(): Promise<Workshop> {
    await using stack = new AsyncDisposableStack();
    const workshop = stack.use(new Workshop(await mkdtemp(join(tmpdir(), 'img-benchmark-'))));
    for (const name of ['img', 'buildah']) {
      await mkdir(workshop.path(name));
      await cp(join(example, 'src'), workshop.path(name, 'src'), { recursive: true });
    }
    await cp(join(example, 'img.yaml'), workshop.path('img/img.yaml'));
    await writeFile(workshop.path('buildah/Dockerfile'), dockerfile);
    await workshop.emptyRegistry();
    stack.move();
    return workshop;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stopRegistry();
    await this.unmountStores();
    await rm(this.folder, { recursive: true, force: true });
  }

  /** Takes away the mounts with which podman's stores are left. */
  async unmountStores(): Promise<void> {
    const mounts = (await readFile('/proc/self/mounts', 'utf8'))
      .split('\n')
      .map((line) => line.split(' ')[1]);
    for (const mount of mounts.toReversed()) {
      if (mount?.startsWith(`${this.folder}/`)) await runCommand({ line: ['umount', mount] });
    }
  }

  path(...names: readonly string[]): string {
    return join(this.folder, ...names);
  }

  /** The example's name in the registry. */
  get repository(): string {
    return `${this.#address}/com.example.app`;
  }

  /** Of the registry's administrator. */
  get credentials(): Credentials {
    return { kind: 'password', username: 'admin', password };
  }

  /** Credentials for pushing, which all tools read. */
  get authFile(): string {
    return this.path('docker/config.json');
  }

  /** `img`, as who builds and signs or as a host with a store of its own. */
  img(who: 'publisher' | 'host', ...words: readonly string[]): Command {
    return {
      line: [program, ...words],
      variables: {
        IMG_CONFIG: this.path(who, 'config'),
        IMG_ROOT: this.path(who, 'store'),
        IMG_RUN: this.path(who, 'run'),
        IMG_CACHE: this.path('cache'),
        ...(this.#address !== undefined && { IMG_REGISTRY: this.#address }),
        IMG_KEY_PASSPHRASE: password,
        IMG_ADMIN_PASSWORD: password,
        DOCKER_CONFIG: this.path('docker'),
      },
    };
  }

  /** buildah or podman with a store of its own. */
  container(tool: 'buildah' | 'podman', ...words: readonly string[]): Command {
    return {
      line: [tool, '--root', this.path(tool, 'store'), '--runroot', this.path(tool, 'run'), ...words],
    };
  }

  /** Adds a line to the app, for both builders. */
  async changeApp(round: number): Promise<void> {
    for (const name of ['img', 'buildah']) {
      await writeFile(this.path(name, 'src/main.py'), `# Round ${round}\n`, { flag: 'a' });
    }
  }

  /** Replaces the registry with an empty one at the same address. */
  async emptyRegistry(): Promise<void> {
    await this.#stopRegistry();
    await rm(this.path('registry'), { recursive: true, force: true });
    const words = [
      '--listen',
      this.#address ?? '127.0.0.1:0',
      '--data',
      this.path('registry'),
      '--public',
      'com.example.',
    ];
    const { line, variables } = this.img('publisher', 'serve', '--json', '--quiet', ...words);
    const [img = '', ...args] = line;
    const child = spawn(img, args, {
      env: { ...process.env, ...variables },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    this.#registry = child;
    const address = await listeningAddress(child);
    this.#address = address;
    const auth = Buffer.from(`admin:${password}`).toString('base64');
    await mkdir(this.path('docker'), { recursive: true });
    await writeFile(this.authFile, JSON.stringify({ auths: { [address]: { auth } } }), { mode: 0o600 });
  }

  async #stopRegistry(): Promise<void> {
    if (this.#registry === undefined) return;
    const ended = once(this.#registry, 'exit');
    this.#registry.kill('SIGTERM');
    await ended;
    this.#registry = undefined;
  }
}

/** Resolves with `address:port` when the registry listens. Rejects if it ends before. */
function listeningAddress(registry: ChildProcess): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  let output = '';
  registry.stdout?.on('data', (chunk: Buffer) => {
    output += chunk.toString();
    const [, host] = /"host": "([^"]+)"/.exec(output) ?? [];
    if (host !== undefined) resolve(host);
  });
  registry.once('exit', (code) => reject(new Error(`img serve ended with ${code}`)));
  return promise;
}
