import { lstat, readdir, readFile, realpath, stat } from 'node:fs/promises';
import { basename, dirname, extname, join, resolve } from 'node:path';
import { isRepositoryName } from '@img/spec/repository-name';
import { isTag } from '@img/spec/tag';
import { readShebang } from '../deb/shebang.ts';
import { HostRoot } from '../elf/host-root.ts';
import { isElf, readElf } from '../elf/read-elf.ts';
import { imageNameOf } from '../recipe/image-name.ts';
import { yamlText } from '../recipe/yaml-text.ts';

/** An img.yaml for something that has none. */
export type GuessedRecipe = {
  /** Its text. */
  readonly text: string;
  /** The folder that its paths are relative to. */
  readonly folder: string;
};

/** What an app is and what it needs; lines of an img.yaml. */
type Guess = {
  readonly os: string;
  readonly packages?: readonly string[];
  /** The line `app: …` or `binary: …`. */
  readonly content: string;
  readonly cmd?: readonly string[];
  /** Of a program: arguments of `img run` are its own. */
  readonly entrypoint?: readonly string[];
  readonly name?: string | undefined;
  readonly version?: string | undefined;
};

const debian = 'debian:13';
const java = ['ca-certificates', 'openjdk-21-jre-headless'];
const node = ['ca-certificates', 'nodejs'];
const python = ['ca-certificates', 'python3'];
const staticData = ['ca-certificates', 'tzdata'];

/**
 * An img.yaml for an app without one: a jar, a Python or JavaScript file, a program, or a folder with a package.json, a
 * requirements.txt, a main.py, a jar that was built, or a static program that is named like the folder. Undefined for
 * what is none of them.
 *
 * @param path relative to the working folder, or absolute
 */
export async function guessRecipe(path: string): Promise<GuessedRecipe | undefined> {
  const place = resolve(path);
  const isFolder = (await stat(place)).isDirectory();
  const guess = isFolder ? await guessFolder(place) : await guessFile(place);
  if (guess === undefined) return undefined;
  return {
    text: textOf(guess, imageNameOf(basename(place).replace(/\.(?:jar|py|[cm]?js)$/, ''))),
    folder: isFolder ? place : dirname(place),
  };
}

async function guessFile(place: string): Promise<Guess | undefined> {
  const name = basename(place);
  switch (extname(name)) {
    case '.jar':
      return { os: debian, packages: java, content: `app: {jar: ${yamlText(name)}}` };
    case '.py':
      return await guessPythonFile(place);
    case '.js':
    case '.mjs':
    case '.cjs':
      return { os: debian, packages: node, content: `app: {node: ${yamlText(name)}}` };
    default:
      return await guessProgram(place);
  }
}

async function guessPythonFile(place: string): Promise<Guess> {
  const name = basename(place);
  const isWithPackages = await isFile(join(dirname(place), 'requirements.txt'));
  if (!isWithPackages) return { os: debian, packages: python, content: `app: {python: ${yamlText(name)}}` };
  const cmd = ['/opt/app/.venv/bin/python', '-u', `/opt/app/${name}`];
  return { os: debian, packages: python, content: 'app: {python: .}', cmd };
}

/** A static program is taken alone, any other with what it needs from this machine. */
async function guessProgram(place: string): Promise<Guess | undefined> {
  const real = await realpath(place);
  const kind = await programKind(real);
  if (kind === undefined) return undefined;
  if (kind === 'static') {
    return staticProgram(basename(place));
  }
  const content = `binary: [${yamlText(place)}]`;
  return { os: 'scratch', packages: staticData, content, entrypoint: [place] };
}

async function programKind(place: string): Promise<'static' | 'dynamic' | undefined> {
  const root = new HostRoot();
  const beginning = await root.beginningOf(place);
  if (!isElf(beginning)) return readShebang(beginning) === undefined ? undefined : 'dynamic';
  await using file = await root.open(place);
  const { interpreter, needed } = await readElf(async (offset, sizeBytes) => {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(sizeBytes), 0, sizeBytes, offset);
    return buffer.subarray(0, bytesRead);
  }, place);
  return interpreter === undefined && needed.length === 0 ? 'static' : 'dynamic';
}

async function guessFolder(folder: string): Promise<Guess | undefined> {
  const has = (name: string) => isFile(join(folder, name));
  if (await has('package.json')) {
    const { name, version } = await describe(join(folder, 'package.json'));
    return { os: debian, packages: node, content: 'app: {node: .}', name, version };
  }
  for (const name of ['requirements.txt', 'main.py', 'app.py', '__main__.py']) {
    if (await has(name)) return { os: debian, packages: python, content: 'app: {python: .}' };
  }
  for (const place of ['target', 'build/libs']) {
    const jars = (await readdir(join(folder, place)).catch(() => [])).filter((name) => {
      return name.endsWith('.jar') && !/-(?:sources|javadoc|plain|tests)\.jar$/.test(name);
    });
    const [jar] = jars;
    if (jars.length === 1 && jar !== undefined) {
      return { os: debian, packages: java, content: `app: {jar: ${yamlText(`${place}/${jar}`)}}` };
    }
  }
  const program = basename(folder);
  const isProgram = (await has(program)) && (await programKind(join(folder, program))) === 'static';
  return isProgram ? staticProgram(program) : undefined;
}

function staticProgram(name: string): Guess {
  const content = `app: {go: ${yamlText(name)}}`;
  return { os: 'scratch', packages: staticData, content, entrypoint: [`/opt/app/${name}`] };
}

async function describe(path: string): Promise<{ readonly name?: string; readonly version?: string }> {
  try {
    const { name, version } = JSON.parse(await readFile(path, 'utf8')) as {
      name?: unknown;
      version?: unknown;
    };
    return {
      ...(typeof name === 'string' ? { name: name.replace(/^@[^/]*\//, '') } : {}),
      ...(typeof version === 'string' ? { version } : {}),
    };
  } catch {
    // Whoever reads it for the image says what is wrong with it.
    return {};
  }
}

async function isFile(path: string): Promise<boolean> {
  return (await lstat(path).catch(() => undefined))?.isFile() === true;
}

function textOf({ os, packages = [], content, cmd, entrypoint, ...described }: Guess, name: string): string {
  const wanted = described.name?.toLowerCase() ?? '';
  const version = described.version ?? '';
  const lines = [
    `name: ${isRepositoryName(wanted) ? wanted : name}`,
    `version: ${yamlText(isTag(version) ? version : '0.1.0')}`,
    `os: ${os}`,
    ...(packages.length === 0 ? [] : [`packages: [${packages.join(', ')}]`]),
    content,
    ...(cmd === undefined ? [] : [`run: {cmd: [${cmd.map(yamlText).join(', ')}]}`]),
    ...(entrypoint === undefined ? [] : [`run: {entrypoint: [${entrypoint.map(yamlText).join(', ')}]}`]),
  ];
  return `${lines.join('\n')}\n`;
}
