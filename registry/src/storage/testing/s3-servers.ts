import { randomBytes } from 'node:crypto';
import { setTimeout } from 'node:timers/promises';
import { findProgram } from '@img/sign/testing/needs';
import test from 'ava';
import { Client } from 'minio';
import { type ServerProcess, startServerProcess } from '../../testing/server-process.ts';
import type { S3BucketOptions } from '../s3/s3-bucket.ts';
import { parseS3Location } from '../s3/s3-location.ts';

export const s3Credentials = {
  accessKey: 'registry-of-tests',
  secretKey: 'secret-of-tests',
  sessionToken: undefined,
};

/** A real server of object storage. */
export type S3Server = {
  readonly name: string;
  /** Makes a bucket and says how to open it; parameters are those of the location, PORT in them that of the server. */
  bucket(parameters?: { readonly [name: string]: string }): Promise<S3BucketOptions>;
};

const programs = [
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

/**
 * The object storages that are installed here; each is started when a test of the file first asks it for a bucket, and
 * ends after the last one. A test says of each one that is missing that nothing was tried on it.
 */
export function s3Servers(): readonly S3Server[] {
  const servers: S3Server[] = [];
  for (const program of programs) {
    const path = findProgram(program.name);
    if (path === undefined) {
      test(`${program.name}: not here`, (t) => {
        t.log(`not tested with ${program.name}: npm run tools compiles it where there is Go`);
        t.pass();
      });
      continue;
    }
    let running: Promise<ServerProcess> | undefined;
    test.after.always(`${program.name} ends`, async () => (await running)?.stop());
    servers.push({
      name: program.name,
      async bucket(parameters = {}) {
        running ??= start(path, program);
        return makeBucket((await running).port, parameters);
      },
    });
  }
  return servers;
}

async function start(path: string, program: (typeof programs)[number]): Promise<ServerProcess> {
  return startServerProcess({
    command: (folder, port) => [path, ...program.args(folder, port)],
    environment: program.environment,
  });
}

async function makeBucket(
  port: number,
  parameters: { readonly [name: string]: string },
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
