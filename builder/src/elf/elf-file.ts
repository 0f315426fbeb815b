/** What the dynamic linker would read of a program or library (elf(5), System V gABI chapters 4 and 5). */
export type ElfFile = {
  readonly bits: 32 | 64;
  /** `e_machine`: 62 for x86-64, 183 for aarch64. */
  readonly machine: number;
  /** The program interpreter; undefined for static programs and most libraries. */
  readonly interpreter: string | undefined;
  /** Whether it has a dynamic section at all. */
  readonly isDynamic: boolean;
  readonly needed: readonly string[];
  readonly soname: string | undefined;
  /** Folders of DT_RPATH, which also count for what is loaded on behalf of this file. */
  readonly rpath: readonly string[];
  /** Folders of DT_RUNPATH, which count for this file's own needs and make its DT_RPATH void. */
  readonly runpath: readonly string[];
  /** Libraries that the file says it loads while it runs, if they are there (uapi-group.org, `.note.dlopen`). */
  readonly loaded: readonly string[];
};
