import { posix } from 'node:path';
import { destinationOf } from './copy.ts';
import type { DraftFile, ImageDraft, Install } from './image-draft.ts';
import type { SourceFolder } from './source-folder.ts';

/** Lets `app:` bring what a Dockerfile installs by a list, together with the folder that the list is in. */
export async function finishApp(draft: ImageDraft, source: SourceFolder): Promise<void> {
  const [install] = draft.installs;
  if (install !== undefined) await takeInstall(install, draft, source);
  else takeJar(draft);
  for (const { kind, line, list } of draft.installs.slice(1)) {
    if (kind === install?.kind) continue;
    draft.note(
      line,
      list,
      'left',
      'an image has one app',
      'build two images, or add what the other one is made of to files',
    );
  }
}

async function takeInstall(install: Install, draft: ImageDraft, source: SourceFolder): Promise<void> {
  const { kind, line } = install;
  const list = kind === 'python' ? 'requirements.txt' : 'package.json';
  const written = `RUN ${kind === 'python' ? `pip install -r ${install.list}` : 'npm install'}`;
  if (kind === 'python' && posix.basename(install.list) !== list) {
    draft.note(
      line,
      written,
      'left',
      `app installs a ${list}, and no list of another name`,
      `give ${install.list} that name`,
    );
    return;
  }
  const app = await folderWith(list, draft, source);
  if (app === undefined) {
    const advice = `put ${list} beside the code, and write app: {${kind}: FOLDER, to: ${draft.workdir}}`;
    draft.note(line, written, 'left', `no folder that is copied has ${list}`, advice);
    return;
  }
  const to = app.to.replace(/\/$/, '') || '/';
  draft.app = { kind, from: app.from, to };
  draft.addPackage(kind === 'python' ? 'python3' : 'nodejs');
  // What the app's folder has anyway need not be said twice.
  const isCovered = (file: DraftFile) =>
    file === app || (isWithin(file.from, app.from) && destinationOf(file) === placeIn(app, file.from));
  if (app.owner !== undefined) noteOwner(app, draft);
  draft.files = draft.files.filter((file) => !isCovered(file));
  draft.note(line, written, 'taken', `app installs what ${list} names`);
  await checkList(install, posix.join(app.from, list), draft, source);
}

/** The copied folder that has the list; the last one, as it is usually the app's own. */
async function folderWith(
  list: string,
  draft: ImageDraft,
  source: SourceFolder,
): Promise<DraftFile | undefined> {
  for (const file of draft.files.toReversed()) {
    if (file.isFolder && (await source.kindOf(posix.join(file.from, list))) === 'file') return file;
  }
  const alone = draft.files.find(({ from, isFolder }) => !isFolder && posix.basename(from) === list);
  if (alone === undefined) return undefined;
  const [from, to] = [posix.dirname(alone.from), posix.dirname(destinationOf(alone))];
  const message = `app takes everything in ${from === '.' ? 'the folder' : from}, because ${list} is there`;
  draft.note(alone.line, `COPY ${alone.from}`, 'changed', message, 'name in .imgignore what should stay out');
  return { line: alone.line, from, to, isFolder: true };
}

async function checkList(
  { kind, line }: Install,
  path: string,
  draft: ImageDraft,
  source: SourceFolder,
): Promise<void> {
  if (kind === 'python') {
    const text = (await source.read(path)) ?? '';
    if (/^\s*[A-Za-z0-9]/m.test(text) && !text.includes('--hash=')) {
      draft.note(
        line,
        path,
        'left',
        'its packages have no digests, so nothing says what is installed',
        `write them with uv pip compile --generate-hashes ${path} -o ${path}, or pip-compile --generate-hashes`,
      );
    }
    return;
  }
  const folder = posix.dirname(path);
  const hasLock = (await source.kindOf(posix.join(folder, 'package-lock.json'))) === 'file';
  const needsLock = ((await source.read(path)) ?? '').includes('"dependencies"');
  if (!hasLock && needsLock) {
    draft.note(
      line,
      path,
      'left',
      'there is no package-lock.json beside it, so nothing says what is installed',
      'make one with npm install --package-lock-only',
    );
  }
}

/** A jar that is started gets layers for its libraries and its own classes. */
function takeJar(draft: ImageDraft): void {
  const words = [...(draft.entrypoint?.words ?? []), ...(draft.cmd?.words ?? [])];
  const at = words.indexOf('-jar');
  const jar = at < 0 ? undefined : draft.absolute(words[at + 1] ?? '');
  const file = draft.files.find((each) => !each.isFolder && destinationOf(each) === jar);
  if (jar === undefined || file === undefined || !jar.endsWith('.jar')) return;
  draft.app = { kind: 'jar', from: file.from, to: jar };
  draft.files = draft.files.filter((each) => each !== file);
  if (file.owner !== undefined) noteOwner(file, draft);
}

function noteOwner({ line, owner, to }: DraftFile, draft: ImageDraft): void {
  draft.note(
    line,
    `the owner ${owner} of ${to}`,
    'changed',
    'the files of app belong to root, and everybody may read them',
    'for files that the app writes, name a place when you run it: img run --volume FOLDER:PLACE',
  );
}

function isWithin(path: string, folder: string): boolean {
  return folder === '.' || path === folder || path.startsWith(`${folder}/`);
}

function placeIn({ from, to }: DraftFile, path: string): string {
  return posix.resolve(to, posix.relative(from, path));
}
