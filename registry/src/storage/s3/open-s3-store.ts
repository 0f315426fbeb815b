import { readFile } from 'node:fs/promises';
import { BlobStoreError } from '../blob-store-error.ts';
import { S3BlobStore } from './s3-blob-store.ts';
import { findS3Credentials } from './s3-credentials.ts';
import { parseS3Location } from './s3-location.ts';

export type S3Environment = {
  readonly variables: { readonly [name: string]: string | undefined };
  readonly homeFolder: string;
};

/**
 * Opens the store that a URL names, see {@link parseS3Location}, with the credentials of the environment.
 *
 * @throws BlobStoreError LOCATION_INVALID, STORE_UNREACHABLE, STORE_REFUSED
 */
export async function openS3Store(
  url: string,
  { variables, homeFolder }: S3Environment,
): Promise<S3BlobStore> {
  const location = parseS3Location(url);
  const credentials = await findS3Credentials(variables, homeFolder);
  const ca = location.caFile === undefined ? undefined : await readCertificates(location.caFile);
  return S3BlobStore.open({ location, credentials, ca });
}

async function readCertificates(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    const message = `can't read the certificates that ca names, ${path}: ${(cause as Error).message}`;
    throw new BlobStoreError('LOCATION_INVALID', message, { cause });
  }
}
