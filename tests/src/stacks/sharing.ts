/** What is stored of an image. */
export type StoredImage = {
  readonly layers: readonly {
    readonly digest: string;
    readonly sizeBytes: number;
    /** Digests of the packages in it; empty for a layer of the image alone. */
    readonly packages: readonly string[];
  }[];
  /** Of its manifest and its config. */
  readonly documentsBytes: number;
};

/** A package as it would be if it were stored once, for itself. */
export type StoredPackage = {
  /** Its source and the version of that, `openssl 3.5.7-1`: what is built together is fixed together. */
  readonly source: string;
  readonly layerBytes: number;
};

export type Sharing = {
  /** What a registry or a host stores: each layer once. */
  readonly storedBytes: number;
  /** Each package once, whatever layers it is in, and what belongs to one image alone. */
  readonly perfectBytes: number;
  /** Each image for itself, as images are that share nothing. */
  readonly unsharedBytes: number;
};

/** How much of a number of images is stored more than once. */
export function sharingOf(
  images: readonly StoredImage[],
  packages: ReadonlyMap<string, StoredPackage>,
): Sharing {
  const layers = new Map(images.flatMap((image) => image.layers.map((layer) => [layer.digest, layer])));
  const documentsBytes = sum(images.map((image) => image.documentsBytes));
  const used = new Set([...layers.values()].flatMap((layer) => layer.packages));
  const own = [...layers.values()].filter((layer) => layer.packages.length === 0);
  return {
    storedBytes: documentsBytes + sum([...layers.values()].map(({ sizeBytes }) => sizeBytes)),
    perfectBytes:
      documentsBytes +
      sum(own.map(({ sizeBytes }) => sizeBytes)) +
      sum([...used].map((digest) => packages.get(digest)?.layerBytes ?? 0)),
    unsharedBytes: documentsBytes + sum(images.flatMap(({ layers: all }) => all.map((one) => one.sizeBytes))),
  };
}

/** What has to be pushed when all packages of a version of a source are replaced by others of the same size. */
export function pushedAfterFix(
  images: readonly StoredImage[],
  packages: ReadonlyMap<string, StoredPackage>,
  source: string,
): { readonly images: number; readonly bytes: number } {
  const isFixed = (digest: string) => packages.get(digest)?.source === source;
  const changed = images.filter((image) => image.layers.some((layer) => layer.packages.some(isFixed)));
  const layers = new Map(
    changed
      .flatMap((image) => image.layers)
      .filter((layer) => layer.packages.some(isFixed))
      .map((layer) => [layer.digest, layer.sizeBytes]),
  );
  const documentsBytes = sum(changed.map((image) => image.documentsBytes));
  return { images: changed.length, bytes: documentsBytes + sum([...layers.values()]) };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
