import { printable } from './printable.ts';

const usualLength = 120;

/**
 * The value as it may stand in a message: JSON, so that its ends are seen, one line, nothing that a terminal
 * acts on, and cut after 120 characters or as many as are given. Never throws.
 */
export function quote(value: unknown, longest: number = usualLength): string {
  const text = typeof value === 'string' ? JSON.stringify(cut(value, longest)) : cut(jsonOf(value), longest);
  return printable(text);
}

function cut(text: string, longest: number): string {
  if (text.length <= longest) return text;
  // A character above U+FFFF is two units; its first half alone is none.
  return `${text.slice(0, longest).replace(/[\ud800-\udbff]$/, '')}…`;
}

function jsonOf(value: unknown): string {
  try {
    return JSON.stringify(value) ?? String(value);
  } catch {
    return Object.prototype.toString.call(value);
  }
}
