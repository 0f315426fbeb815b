import { Buffer } from 'node:buffer';
import { collect } from '@img/spec/collect';
import { quote } from '@img/spec/quote';
import { BuilderError } from '../builder-error.ts';
import type { DraftContent } from '../image/layer-draft.ts';
import type { ZipFile } from '../zip/open-zip.ts';
import type { ZipEntry } from '../zip/zip-entry.ts';

/** Where wheels are installed to, without a leading slash. */
export type VirtualEnvironment = {
  /** The folder of the environment. */
  readonly folder: string;
  /** `3.13`. */
  readonly python: string;
};

export type InstalledFile = {
  readonly path: string;
  readonly isExecutable: boolean;
  readonly content: DraftContent;
};

const maxTextBytes = 16 * 1024 * 1024;

/**
 * The files that a wheel installs (binary distribution format, "Installing a wheel"): nothing is compiled or run.
 *
 * @param what how messages name it
 * @throws BuilderError APP_INVALID, ZIP_INVALID
 */
export async function installWheel(
  zip: ZipFile,
  environment: VirtualEnvironment,
  what: string,
): Promise<readonly InstalledFile[]> {
  const site = `${environment.folder}/lib/python${environment.python}/site-packages`;
  const information = informationFolder(zip, what);
  await checkVersion(zip, information, what);
  const files: InstalledFile[] = [];
  for (const entry of zip.entries.filter(({ isFolder }) => !isFolder)) {
    const [, part, rest = ''] = /^[^/]+\.data\/([^/]+)\/(.+)$/.exec(entry.path) ?? [];
    const content: DraftContent = { sizeBytes: entry.sizeBytes, read: () => zip.read(entry) };
    const { isExecutable } = entry;
    if (part === undefined || part === 'purelib' || part === 'platlib') {
      files.push({ path: `${site}/${part === undefined ? entry.path : rest}`, isExecutable, content });
    } else if (part === 'scripts') {
      files.push(script(`${environment.folder}/bin/${rest}`, await readText(zip, entry), environment));
    } else if (part === 'data') {
      files.push({ path: `${environment.folder}/${rest}`, isExecutable, content });
    }
    // What is left are headers for compilers.
  }
  const points = zip.entries.find(({ path }) => path === `${information}/entry_points.txt`);
  const text = points === undefined ? '' : (await readText(zip, points)).toString('utf8');
  for (const [name, target] of consoleScripts(text, what)) {
    files.push(script(`${environment.folder}/bin/${name}`, Buffer.from(launcher(target)), environment));
  }
  return files;
}

function informationFolder(zip: ZipFile, what: string): string {
  const folders = new Set(zip.entries.flatMap(({ path }) => /^[^/]+\.dist-info(?=\/)/.exec(path)?.[0] ?? []));
  const [folder] = folders;
  if (folder !== undefined && folders.size === 1) return folder;
  throw new BuilderError(
    'APP_INVALID',
    `${quote(what)} is no wheel: it has ${folders.size} folders .dist-info`,
  );
}

async function checkVersion(zip: ZipFile, information: string, what: string): Promise<void> {
  const entry = zip.entries.find(({ path }) => path === `${information}/WHEEL`);
  const text = entry === undefined ? '' : (await readText(zip, entry)).toString('utf8');
  const [, version] = /^Wheel-Version: *(\d+)\.\d+\s*$/m.exec(text) ?? [];
  if (version !== '1') {
    throw new BuilderError(
      'APP_INVALID',
      `${quote(what)} is a wheel of version ${quote(version ?? 'none')}, known is 1`,
    );
  }
}

async function readText(zip: ZipFile, entry: ZipEntry): Promise<Buffer> {
  return Buffer.from(await collect(zip.read(entry), maxTextBytes, entry.path));
}

/** A script starts with the interpreter of the environment where it says `python`. */
function script(path: string, bytes: Buffer, { folder }: VirtualEnvironment): InstalledFile {
  const isPython = bytes.subarray(0, 8).toString('latin1') === '#!python';
  const rest = bytes.subarray(isPython ? bytes.indexOf(0x0a) : 0);
  const whole = isPython ? Buffer.concat([Buffer.from(`#!/${folder}/bin/python`), rest]) : bytes;
  return { path, isExecutable: true, content: { sizeBytes: whole.byteLength, read: () => [whole] } };
}

/** The programs of entry_points.txt by name: `module:function` each. */
function consoleScripts(text: string, what: string): ReadonlyMap<string, string> {
  const scripts = new Map<string, string>();
  let section = '';
  for (const line of text.split(/\r?\n/).map((each) => each.trim())) {
    section = /^\[(.*)\]$/.exec(line)?.[1] ?? section;
    if (section !== 'console_scripts' || line === '' || /^[[#;]/.test(line)) continue;
    const [, name, target] = /^([\w.-]+)\s*=\s*([\w.]+:[\w.]+)\s*(?:\[.*\])?$/.exec(line) ?? [];
    if (name === undefined || target === undefined || name.startsWith('.')) {
      throw new BuilderError('APP_INVALID', `${quote(what)} has the program ${quote(line)}`);
    }
    scripts.set(name, target);
  }
  return scripts;
}

function launcher(target: string): string {
  const [module = '', name = ''] = target.split(':');
  const [first = ''] = name.split('.');
  return `#!python\nimport sys\nfrom ${module} import ${first}\n\nsys.exit(${name}())\n`;
}
