import type { Schema } from '@img/builder/recipe/schema';
import { profileNames } from '@img/runtime/config/profile';
import { networkNames } from '@img/runtime/config/run-options';

const text = (title: string): Schema => ({ title, type: 'string', pattern: '^.+$', maxLength: 4096 });
const texts = (title: string): Schema => ({ title, type: 'array', maxItems: 256, items: text('a text') });
const choice = (...words: readonly string[]): Schema => {
  return { title: words.join(' or '), type: 'string', pattern: `^(?:${words.join('|')})$` };
};
const whole = (title: string): Schema => ({ title, type: 'string', pattern: '^[1-9][0-9]{0,8}$' });
const port: Schema = {
  title: 'a port, or [ADDRESS:]HOST:CONTAINER[/udp]',
  type: 'string',
  pattern: '^(?:[1-9][0-9]{0,4}|(?:[0-9.]+:)?[0-9]+:[0-9]+(?:/(?:tcp|udp))?)$',
};
const yesOrNo = choice('true', 'false');

/** What a file of apps.d may say. */
export const appSchema: Schema = {
  title: 'a map that says what the app is',
  type: 'object',
  additionalProperties: false,
  required: ['image'],
  properties: {
    image: text('an image with the tag to follow'),
    version: text('versions to choose from, such as ^1.4'),
    replicas: { title: 'a number up to 99', type: 'string', pattern: '^[1-9][0-9]?$' },
    command: texts('a list of words'),
    entrypoint: text('a program in the image'),
    environment: {
      title: 'a map of variables',
      type: 'object',
      maxProperties: 256,
      additionalProperties: { title: 'a text', type: 'string', maxLength: 32_768 },
    },
    volumes: texts('a list of SOURCE:DESTINATION[:ro]'),
    tmpfs: texts('a list of folders'),
    secrets: texts('a list of NAME=FILE'),
    network: choice(...networkNames),
    ports: { title: 'a list of ports', type: 'array', maxItems: 64, items: port },
    user: text('a user of the image'),
    workdir: text('a folder in the image'),
    hostname: text('a name'),
    writable: yesOrNo,
    memory: text('a size, such as 512m'),
    cpus: text('a number of processors, such as 1.5'),
    pids: whole('a number of processes'),
    profile: choice(...profileNames),
    insecure: texts('a list of what img run --help names'),
    health: text('http://:PORT/PATH, tcp://:PORT or a command'),
    healthTimeout: text('a time, such as 30s'),
    restart: choice('always', 'on-failure', 'no'),
    schedule: text('a time as systemd writes it, such as daily'),
    sockets: texts('a list of ports and paths'),
    requires: texts('a list of units'),
    notify: yesOrNo,
    watchdog: text('a time, such as 30s'),
    update: {
      title: 'a map with policy, minAge, window and stable',
      type: 'object',
      additionalProperties: false,
      properties: {
        policy: choice('auto', 'manual'),
        minAge: text('a time, such as 48h'),
        window: text('hours, such as Sat,Sun 02:00-04:00'),
        stable: text('a time, such as 60s'),
      },
    },
  },
};
