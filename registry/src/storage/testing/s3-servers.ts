import { findProgram } from '@img/sign/testing/needs';
import test from 'ava';
import type { ServerProcess } from '../../testing/server-process.ts';
import type { S3BucketOptions } from '../s3/s3-bucket.ts';
import { makeBucket, s3Programs, startS3 } from './start-s3.ts';

/** A real server of object storage. */
export type S3Server = {
  readonly name: string;
  /** Makes a bucket and says how to open it; parameters are those of the location, PORT in them that of the server. */
  bucket(parameters?: { readonly [name: string]: string }): Promise<S3BucketOptions>;
};

/**
 * The object storages that are installed here; each is started when a test of the file first asks it for a bucket, and
 * ends after the last one. A test says of each one that is missing that nothing was tried on it.
 */
export function s3Servers(): readonly S3Server[] {
  const servers: S3Server[] = [];
  for (const program of s3Programs) {
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
        running ??= startS3(path, program);
        return makeBucket((await running).port, parameters);
      },
    });
  }
  return servers;
}
