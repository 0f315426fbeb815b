import type { ExecutionConfig, ImageConfig } from '@img/spec/image-config';

const emptyExecution: ExecutionConfig = {
  user: '',
  exposedPorts: [],
  env: [],
  entrypoint: [],
  cmd: [],
  volumes: [],
  workingDir: '',
  labels: {},
  stopSignal: undefined,
  healthcheck: undefined,
};

/** An image config for tests: nothing set but what is given. */
export function image(
  fields: Partial<Omit<ImageConfig, 'config'>> & { readonly config?: Partial<ExecutionConfig> },
): ImageConfig {
  return {
    platform: { os: 'linux', architecture: 'amd64' },
    created: undefined,
    author: undefined,
    diffIds: [],
    history: [],
    ...fields,
    config: { ...emptyExecution, ...fields.config },
  };
}
