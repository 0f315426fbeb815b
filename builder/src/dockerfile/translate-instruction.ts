import { constants } from 'node:os';
import { isTag } from '@img/spec/tag';
import type { StartDraft } from './image-draft.ts';
import type { Instruction } from './parse-dockerfile.ts';
import { shellCommands } from './shell-commands.ts';
import { wordsOf } from './shell-words.ts';
import { argumentsOf } from './stages.ts';
import { argumentAdvice, type TranslateContext } from './translate-context.ts';
import { translateCopy } from './translate-copy.ts';
import { translateRun } from './translate-run.ts';

type Translate = (instruction: Instruction, context: TranslateContext) => Promise<void> | void;

/** What each instruction of a stage becomes, apart from FROM. */
const translations: { readonly [keyword: string]: Translate } = {
  ADD: translateCopy,
  ARG: translateArgument,
  CMD: (instruction, context) => {
    context.draft.cmd = startOf(instruction, context);
  },
  COPY: translateCopy,
  ENTRYPOINT: (instruction, { draft, ...rest }) => {
    draft.entrypoint = startOf(instruction, { draft, ...rest });
    // As Docker does it: a command that was set below belongs to the entrypoint there.
    draft.cmd = undefined;
  },
  ENV: translateEnvironment,
  EXPOSE: translatePorts,
  HEALTHCHECK: translateHealth,
  LABEL: translateLabels,
  MAINTAINER: ({ text }, { draft }) => {
    draft.labels.set('org.opencontainers.image.authors', text);
  },
  ONBUILD: ({ line, text }, { draft }) => {
    draft.note(
      line,
      `ONBUILD ${text}`,
      'left',
      'images that are built upon this one have an img.yaml of their own',
      'say it in theirs',
    );
  },
  RUN: translateRun,
  SHELL: () => undefined,
  STOPSIGNAL: translateStop,
  USER: translateUser,
  VOLUME: ({ line, text, list }, { draft }) => {
    const places = (list ?? draft.words(text)).join(' ');
    draft.note(
      line,
      `VOLUME ${text}`,
      'left',
      'an img.yaml has no volumes',
      `say where the data is when you run it: img run --volume FOLDER:${places.split(' ')[0]}`,
    );
  },
  WORKDIR: ({ line, text }, { draft }) => {
    const path = draft.absolute(draft.words(text).join(' '));
    if (path === undefined)
      draft.note(line, `WORKDIR ${text}`, 'left', 'it has a variable without a value', argumentAdvice);
    else draft.workdir = path;
  },
};

/** Takes one instruction over into the draft. */
export async function translateInstruction(
  instruction: Instruction,
  context: TranslateContext,
): Promise<void> {
  await translations[instruction.keyword]?.(instruction, context);
}

function translateArgument(instruction: Instruction, { draft, given, stages }: TranslateContext): void {
  for (const [name, value] of argumentsOf(instruction, draft.lookup)) {
    const known = given.get(name) ?? value ?? stages.globals.get(name);
    if (known !== undefined) draft.arguments.set(name, known);
  }
}

/** Variables that only tell the tools of a build what to do. */
const forTheBuild =
  /^(?:DEBIAN_FRONTEND|DEBCONF_\w+|PIP_\w+|POETRY_\w+|UV_\w+|NPM_CONFIG_\w+|npm_config_\w+|YARN_\w+|PNPM_HOME|APT_\w+|GOPROXY|GOFLAGS|CGO_ENABLED|GO111MODULE)$/;

function translateEnvironment({ line, text }: Instruction, { draft }: TranslateContext): void {
  // The old form has one variable, and the rest of the line is its value.
  const [, oldName] = /^([A-Za-z_]\w*)\s/.exec(text) ?? [];
  // What nobody has set is empty, and what this line sets counts from the next one on.
  const words = wordsOf(text, (name) => draft.lookup(name) ?? '');
  const pairs =
    oldName !== undefined
      ? [[oldName, words.slice(1).join(' ')] as const]
      : words.map((word) => [word.split('=', 1)[0] ?? '', word.slice(word.indexOf('=') + 1)] as const);
  for (const [name, value] of pairs) {
    if (!/^[A-Za-z_]\w*$/.test(name)) {
      draft.note(
        line,
        `ENV ${text}`,
        'left',
        'a variable has another name than letters, digits and "_"',
        'mend the line',
      );
    } else draft.env.set(name, value);
    if (forTheBuild.test(name))
      draft.note(line, `ENV ${name}`, 'taken', 'only the build of a Dockerfile needs it');
  }
}

/** Whether a variable says something to what runs. */
export function isForRunning(name: string): boolean {
  return !forTheBuild.test(name);
}

function translatePorts({ line, text }: Instruction, { draft }: TranslateContext): void {
  for (const word of draft.words(text)) {
    const [, first = '', last = first, protocol = ''] =
      /^(\d{1,5})(?:-(\d{1,5}))?(\/(?:tcp|udp|sctp))?$/i.exec(word) ?? [];
    const [from, to] = [Number(first), Number(last)];
    if (from < 1 || to > 65_535 || to < from || to - from >= 100) {
      draft.note(
        line,
        `EXPOSE ${word}`,
        'left',
        'it is no port, or more of them than fit a list',
        argumentAdvice,
      );
      continue;
    }
    for (let port = from; port <= to; port += 1)
      draft.ports.add(`${port}${protocol.toLowerCase().replace('/tcp', '')}`);
  }
}

function translateHealth({ line, text }: Instruction, { draft }: TranslateContext): void {
  if (/^NONE$/i.test(text)) return;
  draft.note(
    line,
    `HEALTHCHECK ${text}`,
    'left',
    'how an app is checked is said where it is installed',
    'give it to img install --health, where the app runs',
  );
}

function translateLabels({ line, text }: Instruction, { draft }: TranslateContext): void {
  const words = draft.words(text);
  const pairs = words.every((word) => word.includes('='))
    ? words.map((word) => [word.slice(0, word.indexOf('=')), word.slice(word.indexOf('=') + 1)] as const)
    : [[words[0] ?? '', words.slice(1).join(' ')] as const];
  for (const [name, value] of pairs) {
    if (!/^[^\s=]+$/.test(name)) {
      draft.note(
        line,
        `LABEL ${text}`,
        'left',
        `the label ${name} has a space in its name`,
        'give it another name',
      );
      continue;
    }
    draft.labels.set(name, value);
    if (/^(?:org\.opencontainers\.image\.)?version$/.test(name) && isTag(value)) draft.version = value;
  }
}

function translateStop({ line, text }: Instruction, { draft }: TranslateContext): void {
  const word = draft.words(text).join(' ');
  const byNumber = Object.entries(constants.signals).find(([, number]) => String(number) === word)?.[0];
  const name = byNumber ?? (word.startsWith('SIG') ? word : `SIG${word}`);
  if (Object.hasOwn(constants.signals, name)) draft.stop = name;
  else
    draft.note(
      line,
      `STOPSIGNAL ${text}`,
      'left',
      'it is no signal that this machine knows',
      'use a name such as SIGTERM',
    );
}

function translateUser({ line, text }: Instruction, { draft }: TranslateContext): void {
  const user = draft.words(text).join(' ');
  if (/^[\w][\w.-]*(?::[\w][\w.-]*)?$/.test(user)) draft.user = user;
  else draft.note(line, `USER ${text}`, 'left', 'it is no name or number of a user', argumentAdvice);
}

function startOf({ line, keyword, text, list }: Instruction, { draft }: TranslateContext): StartDraft {
  const written = `${keyword} ${text}`;
  if (list !== undefined) return { line, written, words: list };
  // A line for the shell that only starts a program needs no shell for it; what isn't known is the shell's to expand.
  const known = (name: string) => draft.env.get(name);
  const [first, ...others] = shellCommands(text, known);
  const isPlain =
    others.length === 0 &&
    first?.words?.every((word) => !/[$*?[\]`~]/.test(word)) === true &&
    !/^\s*\w+=/.test(text);
  return { line, written, words: isPlain ? first?.words : undefined };
}
