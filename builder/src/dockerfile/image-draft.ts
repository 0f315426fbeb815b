import { posix } from 'node:path';
import { type Lookup, wordsOf } from './shell-words.ts';

/** How much of an instruction the img.yaml says. */
export type Outcome =
  /** All of it, or there is nothing left of it to do. */
  | 'taken'
  /** What it is for, in another way; worth a look. */
  | 'changed'
  /** Not this, so somebody has to do something. */
  | 'left';

/** What became of an instruction, or of a part of it. */
export type ImportNote = {
  readonly line: number;
  /** What it is about, as it is written in the Dockerfile. */
  readonly text: string;
  readonly outcome: Outcome;
  readonly message: string;
  /** What to do next. */
  readonly advice?: string | undefined;
};

export type DraftFile = {
  /** Where it is copied, for notes. */
  readonly line: number;
  readonly from: string;
  /** As in an img.yaml: with a slash at the end, a folder. */
  to: string;
  mode?: string | undefined;
  owner?: string | undefined;
  readonly isFolder: boolean;
};

/** Third-party packages that a Dockerfile installs by a list of them. */
export type Install = { readonly kind: 'python' | 'node'; readonly line: number; readonly list: string };

/** What a pattern stands for in the folder as it is now. */
export type CopiedPattern = {
  readonly line: number;
  readonly written: string;
  readonly pattern: string;
  readonly found: readonly string[];
};

/** What starts: words, or a line for the shell. */
export type StartDraft = {
  readonly line: number;
  readonly written: string;
  readonly words: readonly string[] | undefined;
};

/** An image as far as a Dockerfile has been read. */
export class ImageDraft {
  /** What follows `os:`; undefined with `from`. */
  os: string | undefined;
  from: string | undefined;
  /** What the base image is for, if it is known. */
  language: string | undefined;
  version: string | undefined;
  readonly #packages = new Set<string>();
  files: DraftFile[] = [];
  app: { readonly kind: 'python' | 'node' | 'jar'; readonly from: string; readonly to: string } | undefined;
  readonly installs: Install[] = [];
  readonly env = new Map<string, string>();
  readonly arguments = new Map<string, string>();
  readonly labels = new Map<string, string>();
  readonly ports = new Set<string>();
  workdir = '/';
  user: string | undefined;
  /** Users that the Dockerfile makes, with the numbers that it gives them. */
  readonly users = new Map<string, string | undefined>();
  readonly groups = new Map<string, string | undefined>();
  /** The lines that make users. */
  readonly userLines = new Map<string, number>();
  /** Patterns that it copies by, and what fits them. */
  readonly patterns: CopiedPattern[] = [];
  /** Folders that it makes, and where. */
  readonly folders = new Map<string, number>();
  stop: string | undefined;
  entrypoint: StartDraft | undefined;
  cmd: StartDraft | undefined;
  notes: ImportNote[] = [];

  /** What variables stand for here. */
  readonly lookup: Lookup = (name) => this.env.get(name) ?? this.arguments.get(name) ?? usual.get(name);

  /** Sorted. */
  get packages(): readonly string[] {
    return [...this.#packages].sort();
  }

  /** Nobody knows which packages fit another image: then it adds nothing and says false. */
  addPackage(name: string): boolean {
    if (this.from === undefined) this.#packages.add(name);
    return this.from === undefined;
  }

  dropPackage(name: string): void {
    this.#packages.delete(name);
  }

  words(text: string): readonly string[] {
    return wordsOf(text, this.lookup);
  }

  /** A path of the image, from the working folder on; undefined for one that leads nowhere. */
  absolute(path: string): string | undefined {
    const joined = posix.resolve(this.workdir, path);
    return /[$\0]/.test(joined) ? undefined : joined;
  }

  /** Forgets what was said of a part of a line, because more is known of it now. */
  dropNotes(line: number, text: string): void {
    this.notes = this.notes.filter(
      (note) => note.line !== line || note.text !== text.replace(/\s+/g, ' ').trim(),
    );
  }

  note(line: number, text: string, outcome: Outcome, message: string, advice?: string): void {
    this.notes.push({ line, text: text.replace(/\s+/g, ' ').trim(), outcome, message, advice });
  }
}

// What a process finds where nobody has said anything.
const usual: ReadonlyMap<string, string> = new Map([
  ['HOME', '/root'],
  ['PATH', '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'],
  ['TARGETOS', 'linux'],
]);
