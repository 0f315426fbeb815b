import { type Digest, type DigestAlgorithm, Digester, digestAlgorithm } from '@img/spec/digest';
import { ProtocolError } from '@img/spec/protocol-error';
import { type Blob, findStoredBlob } from '../../metadata/blobs.ts';
import { commitBlob } from '../../metadata/commit-blob.ts';
import { ofOneRow } from '../../metadata/database.ts';
import { MetadataError } from '../../metadata/metadata-error.ts';
import {
  cancelUpload,
  lockUpload,
  saveUpload,
  type Upload,
  type UploadLock,
} from '../../metadata/uploads.ts';
import type { BlobAppender, UploadState } from '../../storage/blob-store.ts';
import type { Services } from '../services.ts';

/** A lock lasts this long after its holder dies, and is renewed when a third of it is over. */
const lockMs = 15_000;

/** A lock on an upload from now on. */
export function lockFrom(now: number, token: string): UploadLock {
  return { token, now, until: now + lockMs };
}

type Receiver = {
  readonly appender: BlobAppender;
  /** Undefined where what came before isn't hashed. */
  readonly digester: Digester | undefined;
  /** More bytes than this are not received. */
  readonly exactly: number | undefined;
};

type Failure = { readonly error: unknown };

/** An upload that is ours to write to. */
export class UploadSession {
  readonly #services: Services;
  readonly #token: string;
  /** Aborts when another request wants to work on the upload. */
  readonly signal: AbortSignal;
  #upload: Upload;
  #renewAt: number;
  #isOver = false;

  constructor(services: Services, upload: Upload, token: string, signal: AbortSignal) {
    this.#services = services;
    this.#upload = upload;
    this.#token = token;
    this.signal = signal;
    this.#renewAt = services.clock() + lockMs / 3;
  }

  /** Whether the upload is committed or cancelled, and the lock on it gone with it. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** The upload as it is now. */
  get upload(): Upload {
    return this.#upload;
  }

  get sizeBytes(): number {
    return this.#upload.state.sizeBytes;
  }

  /**
   * Stores the next bytes. If the body breaks off, what came is kept and noted, and then its failure thrown.
   *
   * @param exactly how many bytes there must be; with more or fewer the upload stays as it was
   * @param algorithm what to hash with, if this is where the hashing begins
   * @throws ProtocolError SIZE_INVALID, and what the body throws
   */
  async append(
    body: AsyncIterable<Uint8Array>,
    {
      exactly,
      algorithm = 'sha256',
    }: { readonly exactly?: number; readonly algorithm?: DigestAlgorithm } = {},
  ): Promise<void> {
    const { blobs, liveDigests } = this.#services;
    const before = this.#upload;
    const digester =
      liveDigests.take(before.id, this.sizeBytes) ??
      (this.sizeBytes === 0 ? new Digester(before.algorithm ?? algorithm) : undefined);
    const appender = await blobs.append(before.key, before.state);
    try {
      const { failure, received } = await this.#receive(body, { appender, digester, exactly });
      if (exactly !== undefined && failure === undefined && received !== exactly) {
        await this.#note(before.state);
        throw new ProtocolError('SIZE_INVALID', `the chunk has ${received} bytes instead of ${exactly}`);
      }
      await this.#note(await appender.save());
      if (digester !== undefined) liveDigests.put(before.id, this.sizeBytes, digester);
      if (failure !== undefined) throw failure.error;
    } finally {
      await appender.close();
    }
  }

  /**
   * Makes a blob of the upload if its bytes have the digest; if they don't, the upload is over.
   *
   * @throws ProtocolError DIGEST_INVALID
   */
  async commit(digest: Digest): Promise<void> {
    const { blobs, liveDigests, database, clock, limits, sweeper } = this.#services;
    const { id, key, state } = this.#upload;
    await this.#keepLock();
    const digester = liveDigests.take(id, state.sizeBytes) ?? emptyDigester(state.sizeBytes, digest);
    let computed = digester?.algorithm === digestAlgorithm(digest) ? digester.digest() : undefined;
    if (computed === undefined || computed === digest) {
      await blobs.complete(key, state);
      computed ??= await this.#readDigest(digestAlgorithm(digest));
    }
    if (computed !== digest) {
      await this.cancel();
      throw new ProtocolError('DIGEST_INVALID', `the content has the digest ${computed}, not ${digest}`);
    }
    const lost = await this.#findLost(digest);
    const commit = { upload: this.#upload, token: this.#token, digest, lost };
    const now = clock();
    const isBuried = await database.transaction((writer) => {
      return commitBlob(writer, commit, { now, reviewAt: now + limits.unneededMs });
    });
    this.#isOver = true;
    if (isBuried) sweeper.wake();
  }

  /** Ends the upload; what was stored of it goes away. */
  async cancel(): Promise<void> {
    const { database, clock, sweeper } = this.#services;
    const by = { token: this.#token, now: clock() };
    await database.transaction((writer) => cancelUpload(writer, this.#upload, by));
    this.#isOver = true;
    sweeper.wake();
  }

  async #receive(
    body: AsyncIterable<Uint8Array>,
    { appender, digester, exactly = Number.POSITIVE_INFINITY }: Receiver,
  ): Promise<{ readonly received: number; readonly failure: Failure | undefined }> {
    let received = 0;
    let unsaved = 0;
    let failure: Failure | undefined;
    const chunks = untilFailure(body, (error) => {
      failure = { error };
    });
    for await (const chunk of chunks) {
      if (unsaved >= this.#services.limits.checkpointBytes) {
        await this.#note(await appender.save());
        unsaved = 0;
      }
      await this.#keepLock();
      digester?.update(chunk);
      await appender.write(chunk);
      received += chunk.byteLength;
      unsaved += chunk.byteLength;
      if (received > exactly) break;
    }
    return { received, failure };
  }

  /** Notes how far the upload is stored, so that a killed process costs little. */
  async #note(state: UploadState): Promise<void> {
    const { database, clock } = this.#services;
    const { id } = this.#upload;
    const lock = lockFrom(clock(), this.#token);
    await database.transaction((writer) => saveUpload(writer, id, state, lock), ofOneRow);
    this.#upload = { ...this.#upload, state };
  }

  /** @throws MetadataError UPLOAD_TAKEN if another process has the lock by now */
  async #keepLock(): Promise<void> {
    const { database, clock } = this.#services;
    const now = clock();
    if (now < this.#renewAt) return;
    const lock = lockFrom(now, this.#token);
    const { id } = this.#upload;
    if (!(await database.transaction((writer) => lockUpload(writer, id, lock), ofOneRow))) {
      throw new MetadataError('UPLOAD_TAKEN', `upload ${id} was taken over by another process`);
    }
    this.#renewAt = now + lockMs / 3;
  }

  async #readDigest(algorithm: DigestAlgorithm): Promise<Digest> {
    const digester = new Digester(algorithm);
    const stored = await this.#services.blobs.get(this.#upload.key);
    for await (const chunk of stored as AsyncIterable<Uint8Array>) {
      await this.#keepLock();
      digester.update(chunk);
    }
    return digester.digest();
  }

  /** A row that says we have the content, although the blob store lost it. */
  async #findLost(digest: Digest): Promise<Blob | undefined> {
    const { database, blobs } = this.#services;
    const stored = await findStoredBlob(database, digest);
    return stored === undefined || (await blobs.has(stored.key)) ? undefined : stored;
  }
}

function emptyDigester(sizeBytes: number, digest: Digest): Digester | undefined {
  return sizeBytes === 0 ? new Digester(digestAlgorithm(digest)) : undefined;
}

/** Passes a source through up to its failure, which is reported instead of thrown. */
async function* untilFailure(
  source: AsyncIterable<Uint8Array>,
  report: (error: unknown) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* source;
  } catch (error) {
    report(error);
  }
}
