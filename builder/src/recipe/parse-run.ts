import { constants } from 'node:os';
import { nearest } from '@img/spec/nearest';
import { quote } from '@img/spec/quote';
import type { RunRule } from './image-recipe.ts';
import type { LocatedText } from './located.ts';
import type { LocatedFields } from './located-fields.ts';
import { parseImagePath, parseOwner } from './parse-paths.ts';
import type { Problems } from './problems.ts';

/** The value of `run:`. */
export function parseRun(fields: LocatedFields, problems: Problems): RunRule {
  const user = fields.text('user');
  const workdir = fields.text('workdir');
  const stop = fields.text('stop');
  if (stop !== undefined && !isSignal(stop)) {
    const similar = nearest(stop, Object.keys(constants.signals));
    const advice = similar === undefined ? 'use a name such as SIGTERM' : `did you mean ${similar}?`;
    problems.add(fields.position('stop'), `${quote(stop)} is not a signal; ${advice}`);
  }
  return {
    cmd: command(fields, 'cmd', problems),
    entrypoint: command(fields, 'entrypoint', problems),
    user: user === undefined ? undefined : parseOwner(user, fields.position('user'), problems),
    env: fields.textMap('env'),
    workingDir:
      workdir === undefined ? '' : `/${parseImagePath(workdir, fields.position('workdir'), problems).path}`,
    ports: [...new Set(fields.texts('ports').map((port) => parsePort(port, problems)))],
    stopSignal: stop,
    labels: fields.textMap('labels'),
  };
}

function command(fields: LocatedFields, key: 'cmd' | 'entrypoint', problems: Problems): readonly string[] {
  const [program, ...rest] = fields.texts(key);
  if (program === undefined) return [];
  if (program.text === '') problems.add(program.position, `run.${key} should begin with a program`);
  return [program.text, ...rest.map(({ text }) => text)];
}

function parsePort({ text, position }: LocatedText, problems: Problems): string {
  const [number = '', protocol = 'tcp'] = text.split('/');
  if (Number(number) > 65_535) problems.add(position, `port ${quote(text)} is larger than 65535`);
  return `${number}/${protocol}`;
}

// Names as kill(1) prints them; SIGRTMIN+n and SIGRTMAX-n are how systemd and others spell the rest.
function isSignal(text: string): boolean {
  return Object.hasOwn(constants.signals, text) || /^SIGRT(?:MIN(?:\+\d{1,2})?|MAX(?:-\d{1,2})?)$/.test(text);
}
