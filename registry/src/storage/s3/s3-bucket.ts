import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { finished } from 'node:stream/promises';
import type { Client, S3Error } from 'minio';
import { type RetryPolicy, TransientFailure, withRetries } from '../../client/retry.ts';
import { BlobStoreError } from '../blob-store-error.ts';
import type { S3Credentials } from './s3-credentials.ts';
import type { S3Location } from './s3-location.ts';
import { createS3Transport } from './s3-transport.ts';

export type S3BucketOptions = {
  readonly location: S3Location;
  readonly credentials: S3Credentials;
  /** Certificates in PEM that are trusted instead of those of the system. */
  readonly ca?: string | undefined;
  readonly retry?: RetryPolicy;
  /** Called for each request that is sent. */
  readonly onRequest?: (method: string, path: string) => void;
};

/** A multipart upload that was begun and neither completed nor aborted. */
export type MultipartUpload = { readonly name: string; readonly id: string; readonly begunAt: number };

export type BucketObject = { readonly name: string; readonly sizeBytes: number };

/** Objects that one request can delete. */
const deletedPerRequest = 1000;

/** How long a URL that is given to clients can be used. */
const linkSeconds = 20 * 60;

/** Refusals that another request, sent at the same time, brought about. */
const passingCodes: ReadonlySet<string> = new Set([
  'OperationAborted',
  'ConditionalRequestConflict',
  'RequestTimeout',
  // versitygw, when the last object beside it is removed in the same moment.
  'ExistingObjectIsDirectory',
]);

/** Three seconds in all: somebody waits. */
const retryPolicy: RetryPolicy = {
  attempts: 6,
  firstPauseMs: 100,
  longestPauseMs: 2000,
  random: Math.random,
};

const missingCodes: ReadonlySet<unknown> = new Set(['NoSuchKey', 'NotFound', 'NoSuchUpload']);

/**
 * One bucket of an object storage, in the terms of S3. Requests are repeated while their failure may pass; what the
 * storage doesn't have is undefined or false, every other failure a BlobStoreError.
 */
export class S3Bucket {
  /** As messages name it. */
  readonly name: string;
  readonly #bucket: string;
  readonly #client: Client;
  /** Signs URLs for clients; never sends anything. */
  readonly #publicClient: Client;
  /** Whether requests are signed together with their content; encryption protects it as well. */
  readonly #signsContent: boolean;
  readonly #retry: RetryPolicy;
  readonly #close: () => void;

  private constructor(options: S3BucketOptions, clients: readonly [Client, Client], close: () => void) {
    const { bucket, endpoint, prefix } = options.location;
    this.name = `s3://${bucket}/${prefix} at ${endpoint.origin}`;
    this.#bucket = bucket;
    this.#signsContent = endpoint.protocol === 'http:';
    [this.#client, this.#publicClient] = clients;
    this.#retry = options.retry ?? retryPolicy;
    this.#close = close;
  }

  /**
   * Opens a bucket that is there.
   *
   * @throws BlobStoreError STORE_UNREACHABLE, STORE_REFUSED
   */
  static async open(options: S3BucketOptions): Promise<S3Bucket> {
    // It takes as long to load as the rest of the registry.
    const minio = await import('minio');
    const { location, credentials, ca, onRequest } = options;
    const { transport, agent } = createS3Transport({
      isEncrypted: location.endpoint.protocol === 'https:',
      ca,
      onRequest,
    });
    const client = (endpoint: URL) =>
      new minio.Client({
        endPoint: endpoint.hostname.replace(/^\[|\]$/g, ''),
        port: Number(endpoint.port) || (endpoint.protocol === 'https:' ? 443 : 80),
        useSSL: endpoint.protocol === 'https:',
        accessKey: credentials.accessKey,
        secretKey: credentials.secretKey,
        ...(credentials.sessionToken === undefined ? {} : { sessionToken: credentials.sessionToken }),
        region: location.region,
        pathStyle: location.isPathStyle,
        transport,
        transportAgent: agent,
        // It would repeat requests whose body is gone.
        retryOptions: { disableRetry: true },
      });
    const { endpoint, publicEndpoint = endpoint } = location;
    const bucket = new S3Bucket(options, [client(endpoint), client(publicEndpoint)], () => agent.destroy());
    await bucket.#check();
    return bucket;
  }

  /** The size of an object. */
  async sizeOf(object: string): Promise<number | undefined> {
    return this.#found(
      `look at ${object}`,
      async () => (await this.#client.statObject(this.#bucket, object)).size,
    );
  }

  /** Opens the bytes of an object from an offset, up to a length if it isn't 0. */
  async read(
    object: string,
    offset: number,
    length: number,
  ): Promise<Readable | 'beyond the end' | undefined> {
    try {
      return await this.#found(`read ${object}`, () =>
        this.#client.getPartialObject(this.#bucket, object, offset, length),
      );
    } catch (error) {
      if (codeOf((error as Error).cause) === 'InvalidRange') return 'beyond the end';
      throw error;
    }
  }

  async put(object: string, content: readonly Uint8Array[]): Promise<void> {
    await this.#try(`write ${object}`, () => this.#upload({ objectName: object }, content));
  }

  /** Removes objects, a thousand per request; those that aren't there count as removed. */
  async remove(objects: readonly string[]): Promise<void> {
    for (let at = 0; at < objects.length; at += deletedPerRequest) {
      const some = objects.slice(at, at + deletedPerRequest);
      const failures = await this.#try(`remove ${some.length} objects`, () =>
        this.#client.removeObjects(this.#bucket, some),
      );
      const failure = failures.find((answer) => !missingCodes.has(answer?.Error?.Code));
      if (failure === undefined || failure === null) continue;
      const { Key, Code, Message } = failure.Error ?? {};
      throw new BlobStoreError(
        'STORE_REFUSED',
        `can't remove ${Key} of ${this.name}: ${Code} ${Message ?? ''}`,
      );
    }
  }

  async *list(prefix: string): AsyncGenerator<BucketObject> {
    for (let token = ''; ; ) {
      const page = await this.#try(`list ${prefix}`, () =>
        this.#client.listObjectsV2Query(this.#bucket, prefix, token, '', 1000, ''),
      );
      for (const { name, size } of page.objects) {
        if (name !== undefined) yield { name, sizeBytes: size ?? 0 };
      }
      if (!page.isTruncated || page.nextContinuationToken === '') return;
      token = page.nextContinuationToken;
    }
  }

  async beginMultipart(object: string): Promise<string> {
    return this.#try(`begin ${object}`, () =>
      this.#client.initiateNewMultipartUpload(this.#bucket, object, {}),
    );
  }

  /** Stores a part, from 1 on, over any one of the same number; returns its tag, undefined if the upload is gone. */
  async putPart(
    object: string,
    id: string,
    part: number,
    content: readonly Uint8Array[],
  ): Promise<string | undefined> {
    const query = `partNumber=${part}&uploadId=${encodeURIComponent(id)}`;
    return this.#found(`write part ${part} of ${object}`, () =>
      this.#upload({ objectName: object, query }, content),
    );
  }

  /** Whether a multipart upload can be gone on with. */
  async hasMultipart(object: string, id: string): Promise<boolean> {
    const query = `max-parts=1&uploadId=${encodeURIComponent(id)}`;
    const about = { method: 'GET', bucketName: this.#bucket, objectName: object, query };
    const answer = await this.#found(`look at the parts of ${object}`, () =>
      this.#client.makeRequestAsyncOmit(about),
    );
    return answer !== undefined;
  }

  /** Makes an object of parts, named by their tags in order; false if the storage doesn't have them. */
  async completeMultipart(object: string, id: string, tags: readonly string[]): Promise<boolean> {
    const parts = tags.map((etag, index) => ({ part: index + 1, etag }));
    try {
      const done = await this.#found(`complete ${object}`, () =>
        this.#client.completeMultipartUpload(this.#bucket, object, id, parts),
      );
      return done !== undefined;
    } catch (error) {
      if (codeOf((error as Error).cause) === 'InvalidPart') return false;
      throw error;
    }
  }

  async abortMultipart(object: string, id: string): Promise<void> {
    await this.#found(`abort ${object}`, async () => {
      await this.#client.abortMultipartUpload(this.#bucket, object, encodeURIComponent(id));
      return true;
    });
  }

  async *listMultiparts(prefix: string): AsyncGenerator<MultipartUpload> {
    for (let marker = { key: '', id: '' }; ; ) {
      const page = await this.#try(`list unfinished uploads below ${prefix}`, () =>
        this.#client.listIncompleteUploadsQuery(this.#bucket, prefix, marker.key, marker.id, ''),
      );
      for (const { key, uploadId, initiated } of page.uploads) {
        yield { name: key, id: uploadId, begunAt: new Date(initiated).getTime() };
      }
      if (!page.isTruncated) return;
      marker = { key: page.nextKeyMarker, id: page.nextUploadIdMarker };
    }
  }

  /** A URL that anybody can read an object at, for 20 minutes; whether the object is there is not asked. */
  async link(object: string): Promise<string> {
    const parameters = { 'response-content-type': 'application/octet-stream' };
    return this.#publicClient.presignedUrl('GET', this.#bucket, object, linkSeconds, parameters);
  }

  /** Closes the connections; nothing may be asked afterwards. */
  close(): void {
    this.#close();
  }

  async #check(): Promise<void> {
    const isThere = await this.#try('look at the bucket', () => this.#client.bucketExists(this.#bucket));
    if (isThere) return;
    throw new BlobStoreError('STORE_REFUSED', `there is no bucket ${this.#bucket} at ${this.name}`, {
      hint: 'make the bucket, or name another one',
    });
  }

  /** Sends bytes as they are: putting them together first would take twice the memory. */
  async #upload(
    about: { readonly objectName: string; readonly query?: string },
    content: readonly Uint8Array[],
  ): Promise<string> {
    const sizeBytes = content.reduce((sum, { byteLength }) => sum + byteLength, 0);
    const answer = await this.#client.makeRequestStreamAsync(
      { ...about, method: 'PUT', bucketName: this.#bucket, headers: { 'content-length': `${sizeBytes}` } },
      sizeBytes === 0 ? '' : Readable.from(content, { objectMode: false }),
      this.#signsContent ? sha256Of(content) : '',
      [200],
      '',
    );
    await finished(answer.resume());
    return (answer.headers.etag ?? '').replaceAll('"', '');
  }

  /** {@link S3Bucket.#try} for what may not be there. */
  async #found<T>(what: string, ask: () => Promise<T>): Promise<T | undefined> {
    try {
      return await this.#try(what, ask);
    } catch (error) {
      if (missingCodes.has(codeOf((error as Error).cause))) return undefined;
      throw error;
    }
  }

  /** Sends a request, again while its failure may pass. */
  async #try<T>(what: string, ask: () => Promise<T>): Promise<T> {
    return withRetries(this.#retry, undefined, async () => {
      try {
        return await ask();
      } catch (error) {
        throw this.#failure(what, error);
      }
    });
  }

  #failure(what: string, cause: unknown): Error {
    if (cause instanceof TransientFailure) {
      const message = `can't ${what} in ${this.name}: ${cause.message}`;
      return new TransientFailure(new BlobStoreError('STORE_UNREACHABLE', message, { cause }));
    }
    const { code, message } = cause as NodeJS.ErrnoException;
    // Without a code it is a failure after the first line of the answer.
    if (isS3Error(cause) && code !== undefined && !passingCodes.has(code)) {
      return new BlobStoreError(
        'STORE_REFUSED',
        `can't ${what} in ${this.name}: ${[code, message].filter(Boolean).join(': ')}`,
        { cause, ...hintFor(code) },
      );
    }
    const error = new BlobStoreError('STORE_UNREACHABLE', `can't ${what} in ${this.name}: ${message}`, {
      cause,
      hint: 'check that the address of the object storage is right, and that it runs',
    });
    // A certificate that isn't trusted now won't be in a second; connections that break or aren't taken may be.
    return /CERT|SIGNED|SSL|TLS|ERR_/.test(String(code)) ? error : new TransientFailure(error);
  }
}

function sha256Of(content: readonly Uint8Array[]): string {
  const hash = createHash('sha256');
  for (const bytes of content) hash.update(bytes);
  return hash.digest('hex');
}

function isS3Error(error: unknown): error is S3Error {
  return error instanceof Error && error.constructor.name === 'S3Error';
}

function codeOf(error: unknown): unknown {
  return (error as { readonly code?: unknown } | undefined)?.code;
}

function hintFor(code: string | undefined): { readonly hint?: string } {
  if (code === 'NoSuchBucket') return { hint: 'make the bucket, or name another one' };
  if (code === undefined || !/Access|Signature|Token|Authorization/.test(code)) return {};
  return { hint: 'check AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and what they may do with the bucket' };
}
