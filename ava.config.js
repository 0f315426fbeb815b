// One configuration for every workspace: AVA walks up to it, and the globs fit both a workspace and the root.
export default {
  extensions: ['ts'],
  files: ['src/**/*.test.ts', '{spec,sign,registry,runtime,builder,cli,tests}/src/**/*.test.ts'],
  // Child processes, because tests change umask, working directory and namespaces.
  workerThreads: false,
  // Nothing here is slow by design; a test that hangs is ended by AVA's idle timeout only.
  timeout: '10m',
};
