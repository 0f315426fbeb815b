// The levels of the x86-64 psABI (section "Micro-Architecture Levels"), by the kernel's names of the features. Each
// level needs those below it.
const amd64Levels: readonly (readonly [variant: string, flags: readonly string[]])[] = [
  ['v2', ['cx16', 'lahf_lm', 'pni', 'popcnt', 'sse4_1', 'sse4_2', 'ssse3']],
  ['v3', ['abm', 'avx', 'avx2', 'bmi1', 'bmi2', 'f16c', 'fma', 'movbe', 'xsave']],
  ['v4', ['avx512bw', 'avx512cd', 'avx512dq', 'avx512f', 'avx512vl']],
];

/**
 * The newest variant of its architecture that a processor is, in Go's words; undefined if it is only what all are.
 *
 * @param cpuInfo the beginning of /proc/cpuinfo, at least the part of the first processor
 */
export function processorVariant(architecture: string, cpuInfo: string): string | undefined {
  if (architecture === 'arm') {
    const version = /^[5-8]/.exec(field(cpuInfo, 'CPU architecture')?.[0] ?? '');
    return version === null ? undefined : `v${version[0]}`;
  }
  if (architecture !== 'amd64') return undefined;
  const flags = new Set(field(cpuInfo, 'flags'));
  const first = amd64Levels.findIndex(([, needed]) => !needed.every((flag) => flags.has(flag)));
  return amd64Levels[(first === -1 ? amd64Levels.length : first) - 1]?.[0];
}

function field(cpuInfo: string, name: string): readonly string[] | undefined {
  const line = cpuInfo.split('\n').find((text) => text.startsWith(name));
  return line
    ?.slice(line.indexOf(':') + 1)
    .trim()
    .split(' ');
}
