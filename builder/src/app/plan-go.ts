import { basename } from 'node:path';
import { formatPlatform } from '@img/spec/platform';
import { quote } from '@img/spec/quote';
import { BuilderError } from '../builder-error.ts';
import { HostRoot } from '../elf/host-root.ts';
import { architectureOf } from '../elf/machines.ts';
import { isElf, readElf } from '../elf/read-elf.ts';
import { parseIgnoreRules } from '../files/ignore-rules.ts';
import { type SourceEntry, walkSource } from '../files/walk-source.ts';
import type { AppContext, AppPlan } from './app-plan.ts';
import { sourceLayer } from './source-layer.ts';

/**
 * A static program, as Go makes it. It must need nothing that isn't in it, because nothing else is there to be
 * found on `os: scratch`.
 *
 * @throws BuilderError APP_UNSUPPORTED, ELF_INVALID, SOURCE_*
 */
export async function planGo({ rule, folder, platform }: AppContext): Promise<AppPlan> {
  // A program that was built is often ignored, and is asked for by its name here.
  const entries = await walkSource(folder, rule.from, parseIgnoreRules('', ''));
  const [entry] = entries;
  if (entry?.type !== 'file') {
    throw unsupported(
      rule.from,
      'is a folder',
      'Name the program that go build made: CGO_ENABLED=0 go build -trimpath',
    );
  }
  const { interpreter, machine, needed } = await readProgram(entry, rule.from);
  if (interpreter !== undefined || needed.length > 0) {
    const needs = [...needed, ...(interpreter === undefined ? [] : [interpreter])].join(', ');
    throw unsupported(rule.from, `is not static, it needs ${needs}`, 'Build it with CGO_ENABLED=0.');
  }
  const architecture = architectureOf(machine);
  if (architecture !== platform.architecture) {
    const what = `is for ${architecture ?? `machine ${machine}`}, the image for ${formatPlatform(platform)}`;
    throw unsupported(rule.from, what, `Build it with GOARCH=${platform.architecture}.`);
  }
  const program: SourceEntry = { ...entry, isExecutable: true };
  return {
    layers: [sourceLayer(rule, [program])],
    start: {
      cmd: [`/${[rule.to.path, basename(rule.from)].filter((part) => part !== '').join('/')}`],
      env: new Map(),
    },
  };
}

async function readProgram({ location }: SourceEntry, name: string) {
  const root = new HostRoot();
  if (!isElf(await root.beginningOf(location))) {
    throw unsupported(name, 'is no program for Linux', 'Build it with GOOS=linux.');
  }
  await using file = await root.open(location);
  return await readElf(async (offset, sizeBytes) => {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(sizeBytes), 0, sizeBytes, offset);
    return buffer.subarray(0, bytesRead);
  }, name);
}

function unsupported(name: string, problem: string, hint: string): BuilderError {
  return new BuilderError('APP_UNSUPPORTED', `${quote(name)} ${problem}`, { hint });
}
