import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { quote } from '@img/spec/quote';
import { BlobStoreError } from '../blob-store-error.ts';
import { ignoreMissing } from '../ignore-missing.ts';

/** Who we are for an object storage. */
export type S3Credentials = {
  readonly accessKey: string;
  readonly secretKey: string;
  readonly sessionToken: string | undefined;
};

type Variables = { readonly [name: string]: string | undefined };

/**
 * Finds credentials where Amazon's own tools look: the variables AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and
 * AWS_SESSION_TOKEN, else the file AWS_SHARED_CREDENTIALS_FILE (`~/.aws/credentials`), section AWS_PROFILE
 * (`default`).
 *
 * @throws BlobStoreError LOCATION_INVALID where there are none
 */
export async function findS3Credentials(variables: Variables, homeFolder: string): Promise<S3Credentials> {
  const found = credentialsIn({
    aws_access_key_id: variables['AWS_ACCESS_KEY_ID'],
    aws_secret_access_key: variables['AWS_SECRET_ACCESS_KEY'],
    aws_session_token: variables['AWS_SESSION_TOKEN'],
  });
  if (found !== undefined) return found;
  const path = variables['AWS_SHARED_CREDENTIALS_FILE'] || join(homeFolder, '.aws', 'credentials');
  const profile = variables['AWS_PROFILE'] || 'default';
  const text = await readFile(path, 'utf8').catch(ignoreMissing);
  const inFile = text === undefined ? undefined : credentialsIn(parseSection(text, profile));
  if (inFile !== undefined) return inFile;
  throw new BlobStoreError(
    'LOCATION_INVALID',
    `no credentials for the object storage: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set, and ${
      text === undefined ? `there is no ${path}` : `${path} has none in its section ${quote(profile)}`
    }`,
    { hint: 'set both variables, or write such a file and name it in AWS_SHARED_CREDENTIALS_FILE' },
  );
}

function credentialsIn(settings: Variables): S3Credentials | undefined {
  const accessKey = settings['aws_access_key_id'];
  const secretKey = settings['aws_secret_access_key'];
  if (!accessKey || !secretKey) return undefined;
  return { accessKey, secretKey, sessionToken: settings['aws_session_token'] || undefined };
}

/** One section of the file: `[name]`, then lines of `key = value`. */
function parseSection(text: string, wanted: string): Variables {
  const settings: { [name: string]: string } = {};
  let isWanted = false;
  for (const line of text.split('\n')) {
    const section = /^\s*\[\s*(.*?)\s*\]/.exec(line)?.[1];
    if (section !== undefined) isWanted = section === wanted;
    const [, key, value] = /^\s*([a-z_]+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (isWanted && key !== undefined && value !== undefined) settings[key] = value;
  }
  return settings;
}
