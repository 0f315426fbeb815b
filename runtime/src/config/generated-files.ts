/** A file that is shown to the app instead of the image's own, if it has one. */
export type GeneratedFile = { readonly path: string; readonly content: Uint8Array };

/** What the host's own network says; undefined where the file does not exist. */
export type HostNetworkFiles = {
  readonly hosts: Uint8Array | undefined;
  readonly resolvConf: Uint8Array | undefined;
};

/**
 * The files that depend on where a container runs. With the host's network they are copies of the host's; without a
 * network there is nobody to ask, so the image's resolv.conf stays as it is.
 */
export function generatedFiles(
  hostname: string,
  hostNetwork: HostNetworkFiles | undefined,
): readonly GeneratedFile[] {
  const encode = (text: string) => new TextEncoder().encode(text);
  const own = `127.0.0.1 localhost ${hostname}\n::1 localhost ip6-localhost ip6-loopback ${hostname}\n`;
  const { hosts = encode(own), resolvConf } = hostNetwork ?? {};
  return [
    { path: '/etc/hostname', content: encode(`${hostname}\n`) },
    { path: '/etc/hosts', content: hosts },
    ...(resolvConf === undefined ? [] : [{ path: '/etc/resolv.conf', content: resolvConf }]),
  ];
}
