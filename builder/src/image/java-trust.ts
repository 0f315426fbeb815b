import { createHash, X509Certificate } from 'node:crypto';
import { layerContents } from '../inventory/layer-contents.ts';
import type { LayerCache } from '../layers/layer-cache.ts';
import type { PackageLayer } from '../layers/package-layers.ts';
import { readLayer } from '../layers/read-layer.ts';
import type { ImageTree } from './image-tree.ts';

const bundlePath = 'etc/ssl/certs/ca-certificates.crt';
const jvmFolder = 'usr/lib/jvm';
/** Where Debian's Java looks for the certificates that it trusts; a script of ca-certificates-java makes it. */
export const javaStorePath = 'etc/ssl/certs/java/cacerts';

// What every Java store of trusted certificates has; it protects nothing, and keytool asks for it.
const password = 'changeit';

/**
 * The store of the certificates that Java trusts, with those of the package ca-certificates; undefined for an image
 * without one of the two. Without it no Java program can open a connection with TLS.
 */
export async function javaTrustStore(
  tree: ImageTree,
  layers: readonly PackageLayer[],
  cache: LayerCache,
): Promise<Uint8Array | undefined> {
  const isWanted = tree.namesIn(jvmFolder).some((name) => {
    return tree.get(`${jvmFolder}/${name}/lib/security/cacerts`)?.linkTarget === `/${javaStorePath}`;
  });
  const layer = layers.find(({ notes }) => notes.entries.some(([, path]) => path === bundlePath));
  if (!isWanted || layer === undefined || tree.get(javaStorePath) !== undefined) return undefined;
  const { files } = await layerContents(readLayer(cache, layer), {
    what: `the layer of ${layer.package.name}`,
    isWanted: (path) => path === bundlePath,
  });
  return encodeJavaStore(files.get(bundlePath)?.toString('latin1') ?? '');
}

/**
 * A store of Java's own format (JKS), which all its versions read: the same for the same certificates.
 *
 * @param bundle certificates in PEM
 */
export function encodeJavaStore(bundle: string): Uint8Array {
  const blocks = bundle.match(/-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g) ?? [];
  const entries = blocks.map((block) => {
    const { raw, fingerprint256 } = new X509Certificate(block);
    // Names are for people, and must differ.
    const alias = `debian-${fingerprint256.replaceAll(':', '').toLowerCase()}`;
    const madeAtMs = Buffer.alloc(8);
    return Buffer.concat([int(2), text(alias), madeAtMs, text('X.509'), int(raw.byteLength), raw]);
  });
  const store = Buffer.concat([int(0xfeed_feed), int(2), int(entries.length), ...entries]);
  const seal = createHash('sha1')
    .update(Buffer.from(password, 'utf16le').swap16())
    .update('Mighty Aphrodite')
    .update(store);
  return Buffer.concat([store, seal.digest()]);
}

function int(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function text(value: string): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(Buffer.byteLength(value));
  return Buffer.concat([length, Buffer.from(value)]);
}
