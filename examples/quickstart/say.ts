import { styleText } from 'node:util';

let step = 0;

export function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

export function sayHeading(text: string): void {
  step += 1;
  say(`\n${styleText('bold', `${step}. ${text}`)}`);
}

export function sayCommand(words: readonly string[]): void {
  say(styleText('cyan', `$ img ${words.join(' ')}`));
}
