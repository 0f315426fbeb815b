import { posix } from 'node:path';
import { destinationOf } from './copy.ts';
import type { ImageDraft, StartDraft } from './image-draft.ts';
import type { SourceFolder } from './source-folder.ts';

/** Words of a start that are as they go into an img.yaml. */
export type Start = { readonly entrypoint: readonly string[]; readonly cmd: readonly string[] };

/** What ENTRYPOINT and CMD start, without a shell where none is needed, and with what their scripts need. */
export async function finishStart(
  draft: ImageDraft,
  source: SourceFolder,
  usual: readonly string[],
): Promise<Start> {
  const entrypoint = draft.entrypoint === undefined ? [] : await wordsFor(draft.entrypoint, draft, source);
  const isBaseCommand = draft.entrypoint === undefined && draft.cmd === undefined;
  const cmd =
    draft.cmd === undefined ? (isBaseCommand ? usual : []) : await wordsFor(draft.cmd, draft, source);
  await addScriptPackages([...entrypoint, ...cmd], draft, source);
  return { entrypoint, cmd };
}

async function wordsFor(
  start: StartDraft,
  draft: ImageDraft,
  source: SourceFolder,
): Promise<readonly string[]> {
  const { words, line, written } = start;
  if (words === undefined) {
    const text = written.slice(written.indexOf(' ') + 1);
    const message = draft.addPackage('dash')
      ? 'it needs a shell, so the package dash comes along'
      : 'it needs a shell, which the image has to have';
    draft.note(line, written, 'changed', message, 'a list of words would start without one');
    return ['sh', '-c', text];
  }
  const [program = '', ...rest] = words;
  if (program === '') {
    draft.note(line, written, 'left', 'it names no program', 'say in run.cmd what runs');
    return [];
  }
  if (/^(?:npm|yarn|pnpm)$/.test(program)) return await scriptWords(start, draft, source);
  if (
    /^python(?:3\.\d+)?$/.test(program) &&
    (program !== 'python' || !(await hasEnvironment(draft, source)))
  ) {
    return ['python3', ...rest];
  }
  if (program === 'httpd-foreground') return ['apache2ctl', '-D', 'FOREGROUND'];
  return words;
}

/** Whether app makes an environment of Python, where the program python is. */
async function hasEnvironment({ app }: ImageDraft, source: SourceFolder): Promise<boolean> {
  if (app?.kind !== 'python') return false;
  return /^\s*[A-Za-z0-9]/m.test((await source.read(posix.join(app.from, 'requirements.txt'))) ?? '');
}

/** What a script of a package.json starts; npm itself isn't in the image. */
async function scriptWords(
  { words = [], line, written }: StartDraft,
  draft: ImageDraft,
  source: SourceFolder,
): Promise<readonly string[]> {
  const name = words.find((word, index) => index > 0 && !/^(?:run|run-script|-.*)$/.test(word)) ?? '';
  const folder = draft.app?.from ?? draft.files.find(({ isFolder }) => isFolder)?.from ?? '.';
  const script = scriptOf(await source.read(posix.join(folder, 'package.json')), name);
  const plain = script?.split(/\s+/);
  if (plain?.[0] !== 'node' || /[$&|;<>*"'`\\]/.test(script ?? '')) {
    draft.note(
      line,
      written,
      'left',
      'npm is not in the image, and what it would start is more than a call of node',
      'say in run.cmd what it starts',
    );
    return [];
  }
  draft.note(line, written, 'changed', `npm is not in the image; run.cmd has what the script ${name} starts`);
  return plain;
}

function scriptOf(text: string | undefined, name: string): string | undefined {
  try {
    const { scripts } = JSON.parse(text ?? '') as { scripts?: { [name: string]: unknown } };
    const script = scripts !== undefined && Object.hasOwn(scripts, name) ? scripts[name] : undefined;
    return typeof script === 'string' ? script.trim() : undefined;
  } catch {
    // No package.json, or one that says nothing: then nothing is known of its scripts.
    return undefined;
  }
}

/** Packages of the programs that scripts call; an image of Debian has them all, one of img only what it needs. */
const programPackages: { readonly [name: string]: readonly string[] } = {
  bash: ['bash'],
  coreutils: [
    'basename',
    'cat',
    'chmod',
    'chown',
    'cp',
    'cut',
    'date',
    'dirname',
    'env',
    'head',
    'id',
    'install',
    'ln',
    'ls',
    'mkdir',
    'mktemp',
    'mv',
    'nproc',
    'readlink',
    'realpath',
    'rm',
    'seq',
    'sha256sum',
    'sleep',
    'sort',
    'stat',
    'tail',
    'tee',
    'touch',
    'tr',
    'uname',
    'uniq',
    'wc',
    'whoami',
  ],
  curl: ['curl'],
  findutils: ['find', 'xargs'],
  'gettext-base': ['envsubst'],
  gosu: ['gosu'],
  grep: ['egrep', 'grep'],
  gzip: ['gunzip', 'gzip', 'zcat'],
  hostname: ['hostname'],
  mawk: ['awk'],
  procps: ['pgrep', 'pkill', 'ps'],
  sed: ['sed'],
  tar: ['tar'],
};

/** A script of the folder that is started needs its shell and the programs that it calls. */
async function addScriptPackages(
  words: readonly string[],
  draft: ImageDraft,
  source: SourceFolder,
): Promise<void> {
  if (draft.from !== undefined) return;
  for (const word of words.slice(0, 4)) {
    const path = draft.absolute(word);
    const text = path === undefined ? undefined : await scriptText(path, draft, source);
    const [, shell] = /^#!\s*(?:\/usr)?\/bin\/(?:env\s+)?(bash|sh|dash|ash)\b/.exec(text ?? '') ?? [];
    if (text === undefined || shell === undefined) continue;
    const called = new Set(text.match(/[a-z0-9]+/g) ?? []);
    const needed = Object.entries(programPackages)
      .filter(([, programs]) => programs.some((program) => called.has(program)))
      .map(([name]) => name);
    const names = [...new Set([shell === 'bash' ? 'bash' : 'dash', 'coreutils', ...needed])];
    for (const name of names) draft.addPackage(name);
    const line = draft.entrypoint?.line ?? draft.cmd?.line ?? 1;
    draft.note(
      line,
      `the script ${word}`,
      'changed',
      `for it there are the packages ${names.join(', ')}`,
      'add those of other programs that it calls',
    );
  }
}

async function scriptText(
  path: string,
  { files, app }: ImageDraft,
  source: SourceFolder,
): Promise<string | undefined> {
  for (const { from, to, isFolder } of app === undefined
    ? files
    : [...files, { ...app, isFolder: app.kind !== 'jar' }]) {
    const place = destinationOf({ from, to, isFolder });
    if (path === place && !isFolder) return await source.read(from);
    const below = posix.relative(place, path);
    if (isFolder && !below.startsWith('..')) {
      const text = await source.read(posix.join(from, below));
      if (text !== undefined) return text;
    }
  }
  return undefined;
}
