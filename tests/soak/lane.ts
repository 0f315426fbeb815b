import type { Answer, RequestOptions } from '@img/registry/server/testing/test-client';
import { type Digest, digestOf } from '@img/spec/digest';
import { mediaTypes } from '@img/spec/media-types';
import { Connection, Interrupted } from './connection.ts';
import { PushPromises } from './push-promises.ts';
import type { Random } from './random.ts';
import type { Tally } from './tally.ts';

export type LaneOptions = {
  readonly name: string;
  readonly random: Random;
  readonly tally: Tally;
  /** Where the processes of the registry are now. */
  readonly urls: () => readonly string[];
};

type Blob = { readonly mediaType: string; readonly digest: Digest; readonly size: number };
type Image = { readonly repository: string; readonly descriptor: Blob };
type Manifest = { readonly mediaType: string; readonly [field: string]: unknown };

/** Repositories that everything is pushed to, and deleted from. */
export const repositories = ['soak/a', 'soak/b', 'soak/c'] as const;

/** Where nothing is deleted; what was pushed there must be there at the end. */
export const keptRepository = 'kept';

const largeBytes = 6_000_000;

/**
 * One client that does one thing after the other, each as a correct client does it: it asks for what it has before it
 * sends it, pushes blobs before manifests, and gives up an operation of which it gets no answer.
 */
export class Lane {
  readonly #options: LaneOptions;
  readonly #connection: Connection;
  readonly #images: Image[] = [];
  #number = 0;

  constructor(options: LaneOptions) {
    this.#options = options;
    this.#connection = new Connection(options.urls);
  }

  /** Does one thing; what it finds is in the tally. */
  async step(): Promise<void> {
    const { random, tally } = this.#options;
    const [kind, work] = this.#choose(random.next());
    try {
      await work();
      tally.count(kind);
    } catch (error) {
      if (!(error instanceof Interrupted)) throw error;
      tally.interrupt(error.message);
    }
  }

  async close(): Promise<void> {
    await this.#connection.close();
  }

  #choose(dice: number): readonly [kind: string, work: () => Promise<void>] {
    const { random } = this.#options;
    const repository = random.pick(repositories);
    if (dice < 0.25) return ['push', () => this.#push(repository, this.#newTag())];
    if (dice < 0.3) return ['push to keep', () => this.#push(keptRepository, this.#newTag())];
    if (dice < 0.38) return ['push index', () => this.#pushIndex(repository)];
    if (dice < 0.65) return ['pull', () => this.#pull(repository)];
    if (dice < 0.73) return ['retag', () => this.#retag()];
    if (dice < 0.8) return ['delete tag', () => this.#deleteTag(repository)];
    if (dice < 0.87) return ['delete image', () => this.#deleteImage()];
    if (dice < 0.94) return ['referrer', () => this.#attach()];
    return ['mount', () => this.#mount(repository)];
  }

  /** Pushes an image; some of its layers are the same again and again, some are large. */
  async #push(repository: string, tag: string): Promise<void> {
    const promises = new PushPromises();
    const image = await this.#pushImage(repository, tag, promises);
    if (repository === keptRepository) {
      this.#options.tally.kept.set(`/v2/${repository}/manifests/${tag}`, image.descriptor.digest);
    } else {
      this.#remember(image);
    }
  }

  async #pushImage(
    repository: string,
    tag: string | undefined,
    promises: PushPromises,
    more: { readonly [field: string]: unknown } = {},
  ): Promise<Image> {
    const { random } = this.#options;
    const contents = [Buffer.from('{}'), Buffer.from(`shared ${random.below(6)}`), random.bytes(1000)];
    if (random.below(25) === 0) contents.push(random.bytes(largeBytes));
    const blobs: Blob[] = [];
    for (const content of contents) blobs.push(await this.#pushBlob(repository, content, promises));
    const [config, ...layers] = blobs;
    const annotations = { name: this.#newTag() };
    const mediaType = mediaTypes.ociManifest;
    return this.#putManifest(
      repository,
      tag,
      { schemaVersion: 2, mediaType, config, layers, annotations, ...more },
      promises,
    );
  }

  async #pushIndex(repository: string): Promise<void> {
    const promises = new PushPromises();
    const manifests: Blob[] = [];
    for (let count = 0; count < 2; count += 1) {
      manifests.push((await this.#pushImage(repository, undefined, promises)).descriptor);
    }
    const index = { schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests };
    this.#remember(await this.#putManifest(repository, this.#newTag(), index, promises));
  }

  async #pushBlob(repository: string, content: Buffer, promises: PushPromises): Promise<Blob> {
    const { random } = this.#options;
    const digest = digestOf(content);
    const blob = { mediaType: mediaTypes.ociLayer, digest, size: content.byteLength };
    const isPromised = promises.asking();
    const head = await this.#send([200, 404], 'HEAD', `/v2/${repository}/blobs/${digest}`);
    if (head.status === 200) {
      isPromised();
      return blob;
    }
    const isPushed = promises.pushing();
    const uploads = `/v2/${repository}/blobs/uploads/`;
    if (random.below(2) === 0) {
      await this.#send([201], 'POST', `${uploads}?digest=${digest}`, { body: content });
    } else {
      const begun = await this.#send([202], 'POST', uploads);
      const location = begun.headers['location'] as string;
      const middle = random.below(content.byteLength);
      // Each part goes to another process.
      await this.#send([202], 'PATCH', location, { body: content.subarray(0, middle) });
      await this.#send([201], 'PUT', `${location}?digest=${digest}`, { body: content.subarray(middle) });
    }
    isPushed();
    return blob;
  }

  async #putManifest(
    repository: string,
    tag: string | undefined,
    manifest: Manifest,
    promises: PushPromises,
  ): Promise<Image> {
    const { tally } = this.#options;
    const body = JSON.stringify(manifest);
    const digest = digestOf(Buffer.from(body));
    const path = `/v2/${repository}/manifests/${tag ?? digest}`;
    const isPushed = promises.pushing();
    try {
      const headers = { 'content-type': manifest.mediaType };
      const { headers: answered } = await this.#send([201], 'PUT', path, { body, headers });
      if (answered['warning'] !== undefined && promises.hold()) {
        tally.violations.push(`blob unknown: PUT ${path}: ${answered['warning']}`);
      }
      if (answered['warning'] !== undefined && !promises.hold()) tally.late += 1;
    } finally {
      // Also without an answer it may be there.
      if (!promises.hold()) tally.sparse.add(digest);
    }
    isPushed();
    return {
      repository,
      descriptor: { mediaType: manifest.mediaType, digest, size: Buffer.byteLength(body) },
    };
  }

  /** Fetches all of an image; what a manifest that is there needs must be there. */
  async #pull(repository: string): Promise<void> {
    const list = await this.#send([200, 404], 'GET', `/v2/${repository}/tags/list`);
    const tags = list.status === 200 ? (list.json as { tags: string[] }).tags : [];
    if (tags.length > 0) await this.#pullManifest(repository, this.#options.random.pick(tags));
  }

  async #pullManifest(repository: string, reference: string): Promise<boolean> {
    const path = `/v2/${repository}/manifests/${reference}`;
    const found = await this.#send([200, 404], 'GET', path);
    if (found.status === 404) return false;
    const digest = found.headers['docker-content-digest'] as Digest;
    this.#check(digestOf(found.bytes) === digest, `GET ${path} has other bytes than ${digest}`);
    const manifest = found.json as { config?: Blob; layers?: Blob[]; manifests?: Blob[] };
    for (const child of manifest.manifests ?? []) {
      const isThere = () => this.#pullManifest(repository, child.digest);
      await this.#expect(repository, digest, child.digest, isThere);
    }
    for (const blob of [manifest.config, ...(manifest.layers ?? [])]) {
      if (blob === undefined || this.#options.random.below(3) > 0) continue;
      await this.#expect(repository, digest, blob.digest, () => this.#pullBlob(repository, blob.digest));
    }
    return true;
  }

  async #pullBlob(repository: string, digest: Digest): Promise<boolean> {
    const path = `/v2/${repository}/blobs/${digest}`;
    const { status, bytes } = await this.#send([200, 404, 307], 'GET', path);
    if (status === 200) this.#check(digestOf(bytes) === digest, `GET ${path} has other bytes`);
    return status !== 404;
  }

  /** What a manifest points at is there as long as the manifest is. */
  async #expect(
    repository: string,
    parent: Digest,
    part: Digest,
    isThere: () => Promise<boolean>,
  ): Promise<void> {
    const path = `/v2/${repository}/manifests/${parent}`;
    const isParentThere = async () => (await this.#send([200, 404], 'HEAD', path)).status === 200;
    if ((await isThere()) || this.#options.tally.sparse.has(parent)) return;
    // The parent may have been deleted in between, so it is looked at before and after.
    if (!(await isParentThere()) || (await isThere()) || !(await isParentThere())) return;
    this.#check(false, `dangling: ${repository}@${parent} is there, ${part} is not`);
  }

  async #retag(): Promise<void> {
    const image = this.#anyImage();
    if (image === undefined) return;
    const { repository, descriptor } = image;
    const path = `/api/v1/repositories/${encodeURIComponent(repository)}/tags/${this.#newTag()}`;
    const body = JSON.stringify({ digest: descriptor.digest });
    await this.#send([204, 404], 'PUT', path, { body, headers: { 'content-type': 'application/json' } });
  }

  async #deleteTag(repository: string): Promise<void> {
    const list = await this.#send([200, 404], 'GET', `/v2/${repository}/tags/list`);
    const tags = list.status === 200 ? (list.json as { tags: string[] }).tags : [];
    if (tags.length === 0) return;
    await this.#send([202, 404], 'DELETE', `/v2/${repository}/manifests/${this.#options.random.pick(tags)}`);
  }

  async #deleteImage(): Promise<void> {
    const image = this.#anyImage();
    if (image === undefined) return;
    const { repository, descriptor } = image;
    // 405: an index lists it.
    await this.#send([202, 404, 405], 'DELETE', `/v2/${repository}/manifests/${descriptor.digest}`);
  }

  async #attach(): Promise<void> {
    const image = this.#anyImage();
    if (image === undefined) return;
    const { repository, descriptor } = image;
    const more = { subject: descriptor, artifactType: 'application/vnd.soak' };
    const attached = await this.#pushImage(repository, undefined, new PushPromises(), more);
    const path = `/v2/${repository}/referrers/${descriptor.digest}`;
    const { manifests } = (await this.#send([200], 'GET', path)).json as { manifests: Blob[] };
    const isListed = manifests.some(({ digest }) => digest === attached.descriptor.digest);
    const there = `/v2/${repository}/manifests/${attached.descriptor.digest}`;
    if (!isListed && (await this.#send([200, 404], 'HEAD', there)).status === 200) {
      this.#check(false, `${repository}@${attached.descriptor.digest} is no referrer of its subject`);
    }
  }

  /** Takes a blob over from another repository, and pushes an image with it. */
  async #mount(repository: string): Promise<void> {
    const { random } = this.#options;
    const promises = new PushPromises();
    const from = random.pick(repositories);
    const content = random.bytes(500);
    const blob = await this.#pushBlob(from, content, promises);
    const isPromised = promises.pushing();
    const uploads = `/v2/${repository}/blobs/uploads/`;
    const mounted = await this.#send([201, 202], 'POST', `${uploads}?mount=${blob.digest}&from=${from}`);
    if (mounted.status === 202) {
      if (promises.hold()) this.#check(false, `${from}@${blob.digest} could not be mounted`);
      return;
    }
    isPromised();
    const mediaType = mediaTypes.ociManifest;
    const config = await this.#pushBlob(repository, Buffer.from('{}'), promises);
    const image = {
      schemaVersion: 2,
      mediaType,
      config,
      layers: [blob],
      annotations: { name: this.#newTag() },
    };
    this.#remember(await this.#putManifest(repository, this.#newTag(), image, promises));
  }

  #send(
    expected: readonly number[],
    method: string,
    path: string,
    options: RequestOptions = {},
  ): Promise<Answer> {
    return this.#connection.send(this.#options.random.next(), expected, method, path, options);
  }

  #check(isRight: boolean, violation: string): void {
    if (!isRight) this.#options.tally.violations.push(violation);
  }

  #newTag(): string {
    this.#number += 1;
    return `${this.#options.name}-${this.#number}`;
  }

  #remember(image: Image): void {
    this.#images.push(image);
    if (this.#images.length > 50) this.#images.shift();
  }

  #anyImage(): Image | undefined {
    return this.#images.length === 0 ? undefined : this.#options.random.pick(this.#images);
  }
}
