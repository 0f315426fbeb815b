import { randomBytes } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { Client } from 'minio';
import { type ServerProcess, startServerProcess } from '../../testing/server-process.ts';
import type { S3BucketOptions } from '../s3/s3-bucket.ts';
import { parseS3Location } from '../s3/s3-location.ts';

export const s3Credentials = {
  accessKey: 'registry-of-tests',
  secretKey: 'secret-of-tests',
  sessionToken: undefined,
};

/** The object storages that tests start, by their programs. */
export const s3Programs = [
  {
    name: 'minio',
    args: (folder: string, port: number) => [
      'server',
      '--quiet',
      '--address',
      `127.0.0.1:${port}`,
      '--console-address',
      '127.0.0.1:0',
      folder,
    ],
    environment: {
      MINIO_ROOT_USER: s3Credentials.accessKey,
      MINIO_ROOT_PASSWORD: s3Credentials.secretKey,
      MINIO_BROWSER: 'off',
      MINIO_UPDATE: 'off',
    },
  },
  {
    name: 'versitygw',
    args: (folder: string, port: number) => ['--port', `127.0.0.1:${port}`, '--quiet', 'posix', folder],
    environment: { ROOT_ACCESS_KEY: s3Credentials.accessKey, ROOT_SECRET_KEY: s3Credentials.secretKey },
  },
] as const;

/** Starts an object storage with an empty folder. */
export async function startS3(path: string, program: (typeof s3Programs)[number]): Promise<ServerProcess> {
  return startServerProcess({
    command: (folder, port) => [path, ...program.args(folder, port)],
    environment: program.environment,
  });
}

/** Makes a bucket and says how to open it; PORT in the parameters is that of the server. */
export async function makeBucket(
  port: number,
  parameters: { readonly [name: string]: string } = {},
): Promise<S3BucketOptions> {
  const bucket = `bucket-${randomBytes(8).toString('hex')}`;
  const { accessKey, secretKey } = s3Credentials;
  const client = new Client({
    endPoint: '127.0.0.1',
    port,
    useSSL: false,
    accessKey,
    secretKey,
    retryOptions: { disableRetry: true },
  });
  for (;;) {
    try {
      await client.makeBucket(bucket, 'us-east-1');
      break;
    } catch (error) {
      // It listens before it is ready.
      if (!(error as Error).message.includes('503')) throw error;
      await setTimeout(20);
    }
  }
  const search = new URLSearchParams({ endpoint: `http://127.0.0.1:${port}` });
  for (const [name, text] of Object.entries(parameters)) search.set(name, text.replace('PORT', `${port}`));
  return { location: parseS3Location(`s3://${bucket}/registry?${search}`), credentials: s3Credentials };
}
