import { posix } from 'node:path';
import { printable } from '@img/spec/printable';
import { yamlText } from '../recipe/yaml-text.ts';
import type { Start } from './finish-start.ts';
import type { DraftFile, ImageDraft } from './image-draft.ts';
import { isForRunning } from './translate-instruction.ts';

/** The img.yaml of a draft, with what it doesn't say as comments at its end. */
export function recipeText(
  draft: ImageDraft,
  start: Start,
  { name, file }: { name: string; file: string },
): string {
  const { os, from, version, packages, app, files } = draft;
  const lines = [
    `# Made of ${printable(file)} by img import.`,
    `name: ${name}`,
    `version: ${yamlText(version ?? '0.1.0')}`,
    from === undefined ? `os: ${os ?? 'debian:13'}` : `from: ${yamlText(from)}`,
    ...(packages.length === 0 ? [] : listOf('packages', packages)),
    ...(app === undefined ? [] : [`app: {${app.kind}: ${yamlText(app.from)}, to: ${yamlText(app.to)}}`]),
    ...(files.length === 0 ? [] : ['files:', ...files.map(fileLine)]),
    ...runLines(draft, start),
    ...leftLines(draft),
  ];
  return `${lines.join('\n')}\n`;
}

function listOf(key: string, words: readonly string[]): readonly string[] {
  const line = `${key}: [${words.map(yamlText).join(', ')}]`;
  return line.length <= 110 ? [line] : [`${key}:`, ...words.map((word) => `  - ${yamlText(word)}`)];
}

function fileLine({ from, to, mode, owner }: DraftFile): string {
  const parts = [
    `from: ${yamlText(from)}`,
    `to: ${yamlText(to)}`,
    ...(mode === undefined ? [] : [`mode: "${mode}"`]),
    ...(owner === undefined ? [] : [`owner: ${yamlText(owner)}`]),
  ];
  return `  - {${parts.join(', ')}}`;
}

function runLines(draft: ImageDraft, { entrypoint, cmd }: Start): readonly string[] {
  const { workdir, user, env, ports, stop, labels } = draft;
  const variables = [...env].filter(([name, value]) => isForRunning(name) && !isOwnPath(name, value, draft));
  const lines = [
    ...(entrypoint.length === 0 ? [] : listOf('entrypoint', entrypoint)),
    ...(cmd.length === 0 ? [] : listOf('cmd', cmd)),
    ...(workdir === '/' ? [] : [`workdir: ${yamlText(workdir)}`]),
    ...(user === undefined ? [] : [`user: ${yamlText(user)}`]),
    ...mapOf('env', variables),
    ...(ports.size === 0 ? [] : [`ports: [${[...ports].map(yamlPort).join(', ')}]`]),
    ...(stop === undefined ? [] : [`stop: ${stop}`]),
    ...mapOf('labels', [...labels]),
  ];
  return lines.length === 0 ? [] : ['run:', ...lines.map((line) => `  ${line}`)];
}

/** What leads to an environment of Python, as app does by itself. */
function isOwnPath(name: string, value: string, { app }: ImageDraft): boolean {
  if (name === 'VIRTUAL_ENV') return app?.kind === 'python';
  return (
    name === 'PATH' &&
    app?.kind === 'python' &&
    value.split(':').some((part) => /venv\/bin$|\.local\/bin$/.test(posix.normalize(part)))
  );
}

function yamlPort(port: string): string {
  return /^\d+$/.test(port) ? port : yamlText(port);
}

function mapOf(key: string, entries: readonly (readonly [name: string, value: string])[]): readonly string[] {
  if (entries.length === 0) return [];
  return [`${key}:`, ...entries.map(([name, value]) => `  ${yamlText(name)}: ${yamlText(value)}`)];
}

function leftLines({ notes }: ImageDraft): readonly string[] {
  const left = notes.filter(({ outcome }) => outcome === 'left');
  if (left.length === 0) return [];
  return [
    '',
    '# What this file does not say yet:',
    ...left.flatMap(({ line, text, advice }) => [
      `# line ${line}: ${printable(text)}`,
      ...(advice === undefined ? [] : [`#   ${printable(advice)}`]),
    ]),
  ];
}
