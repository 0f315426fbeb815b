import type { ImageConfig } from '@img/spec/image-config';

// Annotations that runtimes take as orders: `run.oci.hooks.stdout` makes crun write a file of the host,
// `run.oci.seccomp_bpf_data` replaces the filter, `org.systemd.property.…` sets properties of the unit. They are
// the host's to give, never an image's.
const orders = [
  'run.oci.',
  'org.systemd.',
  'org.criu.',
  'module.wasm.',
  'io.crun.',
  'io.runc.',
  'io.katacontainers.',
];

/**
 * The annotations that the image's fields imply, under its labels, which win (image-spec,
 * conversion.md#annotation-fields and #annotations). Annotations of manifests and indexes are not taken, nor are
 * labels that a runtime would take as orders.
 */
export function annotationsOf({ platform, author, created, config }: ImageConfig): {
  readonly [key: string]: string;
} {
  const implied: { readonly [field: string]: string | undefined } = {
    os: platform.os,
    architecture: platform.architecture,
    variant: platform.variant,
    'os.version': platform.osVersion,
    'os.features': platform.osFeatures?.join(','),
    author,
    created,
    stopSignal: config.stopSignal,
    exposedPorts: config.exposedPorts.length === 0 ? undefined : config.exposedPorts.join(','),
  };
  const entries = Object.entries(implied).flatMap(([field, value]) =>
    value === undefined ? [] : [[`org.opencontainers.image.${field}`, value] as const],
  );
  const labels = Object.entries(config.labels).filter(
    ([key]) => key !== '' && !orders.some((prefix) => key.toLowerCase().startsWith(prefix)),
  );
  return Object.fromEntries([...entries, ...labels]);
}
