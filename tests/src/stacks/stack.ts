import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';

/** How a stack is tried; the `try.json` beside its img.yaml. */
export type Trial = {
  /** Where the image finds a folder of the host that it may write to. */
  readonly volume?: string;
  /** Commands of the image that are run once before, each with the same folder. */
  readonly before?: readonly (readonly string[])[];
  /** A command of the host that asks the running image, in the network of that: it has the loopback only. */
  readonly ask?: readonly string[];
  /** A command in the running image that asks it. */
  readonly inside?: readonly string[];
  /** Variables of that command. */
  readonly variables?: { readonly [name: string]: string };
  /** What is sent to the command that asks. */
  readonly input?: string;
  /** What must be answered, or if nothing asks, what the image itself must print before it ends: an expression. */
  readonly says: string;
};

/** An image of one kind that must work: a folder with an img.yaml. */
export type Stack = { readonly name: string; readonly folder: string; readonly trial: Trial };

const folder = join(import.meta.dirname, '../../../examples/stacks');

/** All stacks, by name. */
export async function readStacks(): Promise<readonly Stack[]> {
  const names = (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  const stacks = names.map(async ({ name }): Promise<Stack> => {
    const text = await readFile(join(folder, name, 'try.json'), 'utf8');
    return { name, folder: join(folder, name), trial: JSON.parse(text) as Trial };
  });
  return (await Promise.all(stacks)).sort((a, b) => (a.name < b.name ? -1 : 1));
}
