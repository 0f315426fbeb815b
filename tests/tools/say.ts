/** Tells whoever waits what happens. */
export function say(line: string): void {
  process.stdout.write(`tools: ${line}\n`);
}
