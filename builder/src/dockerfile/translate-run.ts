import { isHousekeeping } from './housekeeping.ts';
import type { ImageDraft } from './image-draft.ts';
import { installOf } from './install-commands.ts';
import type { Instruction } from './parse-dockerfile.ts';
import { commandsOf } from './run-commands.ts';
import { type ShellCommand, shellCommands } from './shell-commands.ts';
import { changeMode, changeOwner, installFolders, linkTimezone, makeFolders } from './take-file-changes.ts';
import { addAlpine, addPackages } from './take-packages.ts';
import { addGroup, addUser } from './take-users.ts';
import type { TranslateContext } from './translate-context.ts';

/** A command that is understood; false if it isn't after all. */
type Translate = (words: readonly string[], draft: ImageDraft, line: number) => boolean;

const systemTools: ReadonlyMap<string, Translate> = new Map(
  Object.entries({
    apk: addAlpine,
    'apt-get': addPackages,
    apt: addPackages,
    adduser: addUser,
    addgroup: addGroup,
    chmod: changeMode,
    chown: changeOwner,
    groupadd: addGroup,
    install: installFolders,
    ln: linkTimezone,
    mkdir: makeFolders,
    useradd: addUser,
  }),
);

/** RUN: what installs packages, makes users and folders or changes files. Nothing is run while an image is built. */
export function translateRun(instruction: Instruction, { draft }: TranslateContext): void {
  const { line, text } = instruction;
  const commands = commandsOf(instruction, (script) => shellCommands(script, draft.lookup));
  if (commands === undefined) {
    draft.note(
      line,
      `RUN ${text}`,
      'left',
      'no program runs while an image is built',
      'run it before, and add what it makes to files',
    );
    return;
  }
  for (const command of commands) translateCommand(command, draft, line);
}

function translateCommand({ text, words }: ShellCommand, draft: ImageDraft, line: number): void {
  if (words !== undefined && isHousekeeping(words)) return;
  const written = `RUN ${text}`;
  const install = words && installOf(words);
  if (install !== undefined) {
    draft.installs.push({ ...install, line });
    return;
  }
  const translate = words && systemTools.get(words[0] ?? '');
  if (words !== undefined && translate?.(words.slice(1), draft, line) === true) return;
  const [message, advice] = reasonOf(words ?? [], text);
  draft.note(line, written, 'left', message, advice);
}

/** Why a command is not taken over, and what to do instead. */
const reasons: readonly (readonly [fits: RegExp, message: string, advice: string])[] = [
  [
    /^(?:curl|wget)\b|\b(?:curl|wget) /,
    'nothing is downloaded from addresses while an image is built',
    'take a Debian package that has it, or download it into this folder, check its digest, and add it to files',
  ],
  [
    /^(?:pip3?|uv|poetry|pipenv|conda|python3? -m pip)\b/,
    'Python packages come from a requirements.txt with digests',
    'write one: pip-compile --generate-hashes, or poetry export, or uv export; app: {python: …} installs it',
  ],
  [
    /^(?:yarn|pnpm|bun)\b/,
    'Node packages come from a package-lock.json',
    'make one with npm install --package-lock-only; app: {node: …} installs it',
  ],
  [
    /^(?:npm|npx|go|cargo|mvn|\.?\/?mvnw|gradle|\.?\/?gradlew|make|cmake|dotnet|gcc|tsc|sbt|mix|bundle|composer)\b/,
    'nothing is compiled while an image is built',
    'run it before img build, and add what it makes to files',
  ],
  [
    /^(?:yum|dnf|microdnf|zypper|pacman|apk|apt|apt-get|dpkg|rpm|add-apt-repository|apt-key)\b/,
    'packages come from Debian or Ubuntu, by their names',
    'add the names of the Debian packages that have it to packages',
  ],
  [
    /^(?:echo|printf|cat|tee|sed|cp|mv|ln|touch|rm|install|mkdir)\b/,
    'files are not changed while an image is built',
    'make the file in this folder as it should be, and add it to files',
  ],
  [
    /^(?:chown|chmod|chgrp|setcap)\b/,
    'only what files copies gets an owner and permissions',
    'say owner and mode there; folders to write to are shown by img run --volume',
  ],
  [
    /^(?:groupmod|usermod|passwd|chpasswd)\b/,
    'users are not changed',
    'name another one in run.user; who is not there is made',
  ],
];

function reasonOf(words: readonly string[], text: string): readonly [message: string, advice: string] {
  const line = words.length > 0 ? words.join(' ') : text;
  const found = reasons.find(([fits]) => fits.test(line));
  if (found !== undefined) return [found[1], found[2]];
  return ['no program runs while an image is built', 'run it before, and add what it makes to files'];
}
