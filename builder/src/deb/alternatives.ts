/** An entry of the alternatives system: what `update-alternatives --install` registers. */
export type Alternative = {
  readonly name: string;
  /** Where programs look, for example `/usr/bin/awk`. */
  readonly link: string;
  /** What the link leads to if this one is chosen. */
  readonly path: string;
  readonly priority: number;
  /** Links that follow the choice. */
  readonly slaves: readonly Pick<Alternative, 'name' | 'link' | 'path'>[];
};

const maxScriptCharacters = 256 * 1024;
// Loops in loops multiply; a real script has some dozens of commands.
const maxCommands = 20_000;

/**
 * The alternatives that a postinst registers, read from its text without running it: literal
 * `update-alternatives --install` commands, and those in whose words variables stand that the script sets to
 * literal values or that a `for` loop runs through. Commands that would need more than that are passed over.
 */
export function readAlternatives(script: string): readonly Alternative[] {
  if (script.length > maxScriptCharacters) return [];
  const budget = { commands: maxCommands };
  return expand(commandsOf(script), new Map(), budget).flatMap((words) => parseInstall(words) ?? []);
}

type Word = string;

/** Words that may stand before a command without being part of it. */
const keywords: ReadonlySet<Word> = new Set(['if', 'then', 'else', 'do', '{', '!']);

/** The commands of a script as words, comments left out, lines that end in a backslash joined. */
function commandsOf(script: string): readonly (readonly Word[])[] {
  const lines = script.replaceAll('\\\n', ' ').split('\n');
  return lines
    .flatMap((line) => line.split(/;|&&|\|\|/))
    .map((line) => wordsOf(line))
    .map((words) => words.slice(words.findIndex((word) => !keywords.has(word))))
    .filter((words) => words.length > 0);
}

/** Splits at white space outside quotes and removes the quotes; a word that begins with # ends the line. */
function wordsOf(line: string): readonly Word[] {
  const words: Word[] = [];
  for (const match of line.matchAll(/(?:'[^']*'|"[^"]*"|[^\s'"])+/g)) {
    if (match[0].startsWith('#')) break;
    // What stood in single quotes stays literal, which a dollar sign in a path never needs to.
    words.push(match[0].replace(/'([^']*)'|"([^"]*)"/g, '$1$2'));
  }
  return words;
}

/** Runs through loops and assignments; a name whose value isn't known stays as it is written. */
function expand(
  commands: readonly (readonly Word[])[],
  variables: ReadonlyMap<string, string>,
  budget: { commands: number },
): readonly (readonly Word[])[] {
  const known = new Map(variables);
  const result: (readonly Word[])[] = [];
  for (let index = 0; index < commands.length && budget.commands > 0; index += 1) {
    budget.commands -= 1;
    const words = commands[index] ?? [];
    const loop = words[0] === 'for' && words[2] === 'in' ? words : undefined;
    if (loop !== undefined) {
      const end = endOfLoop(commands, index);
      const values = loop
        .slice(3)
        .flatMap((word) => substitute(word, known).split(/\s+/))
        .filter(Boolean);
      for (const value of values) {
        result.push(
          ...expand(commands.slice(index + 1, end), new Map(known).set(loop[1] ?? '', value), budget),
        );
      }
      index = end;
      continue;
    }
    const assignment = words.length === 1 ? /^(\w+)=(.*)$/s.exec(words[0] ?? '') : null;
    if (assignment !== null) {
      const value = substitute(assignment[2] ?? '', known);
      if (!/[$`]/.test(value)) known.set(assignment[1] ?? '', value);
      continue;
    }
    result.push(words.map((word) => substitute(word, known)));
  }
  return result;
}

function endOfLoop(commands: readonly (readonly Word[])[], start: number): number {
  let depth = 0;
  for (let index = start; index < commands.length; index += 1) {
    const [first = ''] = commands[index] ?? [];
    if (first === 'for' || first === 'while' || first === 'until') depth += 1;
    else if (first === 'done') depth -= 1;
    if (depth === 0) return index;
  }
  return commands.length;
}

function substitute(word: Word, variables: ReadonlyMap<string, string>): Word {
  return word.replace(/\$\{(\w+)\}|\$(\w+)/g, (written, braced?: string, bare?: string) => {
    return variables.get(braced ?? bare ?? '') ?? written;
  });
}

function parseInstall(words: readonly Word[]): Alternative | undefined {
  const start = words.indexOf('update-alternatives');
  const install = start < 0 ? -1 : words.indexOf('--install', start);
  if (install < 0) return undefined;
  const [link = '', name = '', path = '', priority = ''] = words.slice(install + 1, install + 5);
  const slaves: Alternative['slaves'][number][] = [];
  for (let index = install + 5; words[index] === '--slave'; index += 4) {
    const [slaveLink = '', slaveName = '', slavePath = ''] = words.slice(index + 1, index + 4);
    if (areLiteral(slaveLink, slaveName, slavePath)) {
      slaves.push({ link: slaveLink, name: slaveName, path: slavePath });
    }
  }
  if (!areLiteral(link, name, path) || !/^-?\d{1,9}$/.test(priority)) return undefined;
  return { name, link, path, priority: Number(priority), slaves };
}

/** Absolute paths without tricks and a name that is one part of a path. */
function areLiteral(link: string, name: string, path: string): boolean {
  const isPath = (text: string) => /^\/[\w.+:/-]+$/.test(text) && !text.split('/').includes('..');
  return isPath(link) && isPath(path) && /^[\w.+:-]+$/.test(name) && name !== '..' && name !== '.';
}
