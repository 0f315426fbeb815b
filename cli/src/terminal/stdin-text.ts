import { collect } from '@img/spec/collect';

const maxBytes = 64 * 1024;

/** What stdin has, without the end of its last line. @param what what it should be, for messages */
export async function readStdinText(what: string): Promise<string> {
  const bytes = await collect(process.stdin, maxBytes, what);
  return new TextDecoder().decode(bytes).replace(/\r?\n$/, '');
}
