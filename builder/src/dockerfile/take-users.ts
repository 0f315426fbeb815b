import type { ImageDraft } from './image-draft.ts';

function optionValue(words: readonly string[], ...names: readonly string[]): string | undefined {
  for (const [index, word] of words.entries()) {
    for (const name of names) {
      if (word === name) return words[index + 1];
      if (name.startsWith('--') && word.startsWith(`${name}=`)) return word.slice(name.length + 1);
    }
  }
  return undefined;
}

const optionsWithValue =
  /^(?:-[udgGscKhb]|--(?:uid|gid|home|home-dir|shell|gecos|groups|ingroup|comment|base-dir))$/;

/** What stands in a line besides options and their values. */
function plainWords(words: readonly string[]): readonly string[] {
  return words.filter(
    (word, index) => !word.startsWith('-') && !optionsWithValue.test(words[index - 1] ?? ''),
  );
}

/** `useradd` and `adduser`; false for what is no name. */
export function addUser(words: readonly string[], draft: ImageDraft, line: number): boolean {
  // adduser USER GROUP puts a user into a group; busybox has the other way round for addgroup.
  const [name] = plainWords(words);
  if (name === undefined || !/^[a-z_][\w-]*$/i.test(name)) return false;
  const uid = optionValue(words, '-u', '--uid');
  if (!draft.userLines.has(name)) draft.userLines.set(name, line);
  if (!draft.users.has(name)) draft.users.set(name, uid !== undefined && /^\d+$/.test(uid) ? uid : undefined);
  return true;
}

/** `groupadd` and `addgroup`; false for what is no name. */
export function addGroup(words: readonly string[], draft: ImageDraft): boolean {
  const name = plainWords(words).at(-1);
  if (name === undefined || !/^[a-z_][\w-]*$/i.test(name)) return false;
  const gid = optionValue(words, '-g', '--gid');
  if (!draft.groups.has(name))
    draft.groups.set(name, gid !== undefined && /^\d+$/.test(gid) ? gid : undefined);
  return true;
}
