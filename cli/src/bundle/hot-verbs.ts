/**
 * The commands that have a bundle of their own, which is read in a third of the time of the one that has them all:
 * those that are typed again and again, and those with which services start.
 */
export const hotVerbs: readonly string[] = [
  'build',
  'exec',
  'images',
  'inspect',
  'logs',
  'ps',
  'pull',
  'push',
  'run',
  'sign',
  'start',
  'stop',
  'verify',
];

/** The name of the bundle without any command: for the help of the program, and its version. */
export const withoutVerb = 'no-verb';
