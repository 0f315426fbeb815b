import { crc32 } from 'node:zlib';
import { collect } from '@img/spec/collect';
import { quote } from '@img/spec/quote';
import { BuilderError } from '../builder-error.ts';
import type { DraftContent } from '../image/layer-draft.ts';
import { encodeZip, type ZipItem, zipSizeBytes } from '../zip/encode-zip.ts';
import type { ZipFile } from '../zip/open-zip.ts';
import type { ZipEntry } from '../zip/zip-entry.ts';
import { encodeJarManifest, type JarManifest } from './jar-manifest.ts';

/** A jar with everything in it, taken apart. */
export type ExplodedJar = {
  /** Third-party libraries by file name, in the order of the class path. */
  readonly libraries: ReadonlyMap<string, DraftContent>;
  /** A jar of the app's own classes; its manifest names the libraries in `libraryFolder`. */
  readonly own: DraftContent;
};

const manifestPath = 'META-INF/MANIFEST.MF';
const maxIndexBytes = 4 * 1024 * 1024;
/** What only the loader of fat jars asks for, or what is said anew. */
const droppedAttributes =
  /^(?:Main-Class|Start-Class|Class-Path|Launcher-Agent-Class|Spring-Boot-(?:Classes|Lib|.*-Index))$/;
/** Signatures of members that are not in their places any more (JAR file specification, "Signed JAR File"). */
const signatureFile = /^META-INF\/[^/]+\.(?:SF|RSA|DSA|EC)$/i;

/**
 * Takes a jar of Spring Boot's layout apart, into what `java -Djarmode=tools extract` makes of it: libraries as
 * they are, and a jar of the app's own classes that names them, which starts without a loader of its own.
 * Undefined for a jar of another layout.
 *
 * @param libraryFolder where libraries will be, relative to the jar
 * @throws BuilderError APP_INVALID
 */
export async function explodeJar(
  zip: ZipFile,
  manifest: JarManifest,
  { name, libraryFolder }: { readonly name: string; readonly libraryFolder: string },
): Promise<ExplodedJar | undefined> {
  const start = manifest.get('Start-Class');
  const classes = manifest.get('Spring-Boot-Classes');
  const lib = manifest.get('Spring-Boot-Lib');
  if (start === undefined || classes === undefined || lib === undefined) return undefined;
  const order = await classPathOrder(zip, manifest.get('Spring-Boot-Classpath-Index'));
  const libraries = new Map<string, DraftContent>();
  for (const entry of libraryEntries(zip, lib, order)) {
    const file = entry.path.slice(entry.path.lastIndexOf('/') + 1);
    if (libraries.has(file))
      throw new BuilderError('APP_INVALID', `${quote(name)} has two libraries ${quote(file)}`);
    libraries.set(file, contentOf(zip, entry));
  }
  const attributes = new Map([...manifest].filter(([key]) => !droppedAttributes.test(key)));
  attributes.set('Main-Class', start);
  const classPath = [...libraries.keys()].map((file) => encodeURI(`${libraryFolder}/${file}`)).join(' ');
  if (classPath !== '') attributes.set('Class-Path', classPath);
  return { libraries, own: ownJar(zip, classes, encodeJarManifest(attributes)) };
}

/** The libraries in the order of the index, those that it doesn't name after them, by name. */
function libraryEntries(zip: ZipFile, lib: string, order: readonly string[]): readonly ZipEntry[] {
  const entries = zip.entries.filter(({ path, isFolder }) => {
    return (
      !isFolder && path.startsWith(lib) && path.endsWith('.jar') && !path.slice(lib.length).includes('/')
    );
  });
  const rank = ({ path }: ZipEntry) => (order.includes(path) ? order.indexOf(path) : order.length);
  return entries.toSorted((a, b) => rank(a) - rank(b) || (a.path < b.path ? -1 : 1));
}

async function classPathOrder(zip: ZipFile, index: string | undefined): Promise<readonly string[]> {
  const entry = zip.entries.find(({ path }) => path === index);
  if (entry === undefined) return [];
  const text = await collect(zip.read(entry), maxIndexBytes, entry.path);
  return [...new TextDecoder().decode(text).matchAll(/^\s*- "(.*)"\s*$/gm)].map(([, path = '']) => path);
}

/** The members that are the app's own: its classes, and what describes the app. */
function ownJar(zip: ZipFile, classes: string, manifest: string): DraftContent {
  const items = new Map<string, ZipItem>();
  const add = (path: string, entry: ZipEntry) => {
    const { crc32: sum, sizeBytes } = entry;
    items.set(path, { path, crc32: sum, sizeBytes, read: () => zip.read(entry) });
  };
  const files = zip.entries.filter(({ isFolder }) => !isFolder);
  for (const entry of files) {
    if (entry.path.startsWith('META-INF/') && !signatureFile.test(entry.path)) add(entry.path, entry);
  }
  for (const entry of files) {
    if (entry.path.startsWith(classes)) add(entry.path.slice(classes.length), entry);
  }
  items.delete(manifestPath);
  const sorted = [...items.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
  const bytes = Buffer.from(manifest);
  // Readers that stream look for the manifest at the beginning.
  const first = { path: manifestPath, crc32: crc32(bytes), sizeBytes: bytes.byteLength, read: () => [bytes] };
  const all = [first, ...sorted];
  return { sizeBytes: zipSizeBytes(all), read: () => encodeZip(all) };
}

function contentOf(zip: ZipFile, entry: ZipEntry): DraftContent {
  return { sizeBytes: entry.sizeBytes, read: () => zip.read(entry) };
}
