const architectures: ReadonlyMap<number, string> = new Map([
  [3, '386'],
  [21, 'ppc64le'],
  [22, 's390x'],
  [40, 'arm'],
  [62, 'amd64'],
  [183, 'arm64'],
  [243, 'riscv64'],
]);

/** What images call the processor of an ELF file's `e_machine`; undefined for one that no image is for. */
export function architectureOf(machine: number): string | undefined {
  return architectures.get(machine);
}
