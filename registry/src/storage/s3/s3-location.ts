import { quote } from '@img/spec/quote';
import { BlobStoreError } from '../blob-store-error.ts';

/** Where an S3 bucket is, and how it is reached. No secrets. */
export type S3Location = {
  readonly bucket: string;
  /** What the name of each object begins with; empty, or ends with a slash. */
  readonly prefix: string;
  readonly endpoint: URL;
  readonly region: string;
  /** Whether the bucket is in the path of URLs instead of in the name of the host. */
  readonly isPathStyle: boolean;
  /** Path of a file with the certificates to trust, in PEM. */
  readonly caFile: string | undefined;
  /** Whether clients are sent to the bucket for the bytes of blobs. */
  readonly isRedirecting: boolean;
  /** Where clients reach the bucket, if not at the endpoint. */
  readonly publicEndpoint: URL | undefined;
};

const parameterNames = ['endpoint', 'region', 'path-style', 'ca', 'redirect', 'public-endpoint'] as const;

type ParameterName = (typeof parameterNames)[number];

const example = 's3://bucket/prefix?endpoint=https://s3.example.com&region=us-east-1';

/**
 * Reads `s3://bucket[/prefix][?endpoint=URL][&region=…][&path-style=true|false][&ca=FILE][&redirect=true|false]
 * [&public-endpoint=URL]`. Without an endpoint it is Amazon's of the region.
 *
 * @throws BlobStoreError LOCATION_INVALID
 */
export function parseS3Location(text: string): S3Location {
  const [, bucket, path = '', search = ''] = /^s3:\/\/([^/?#]+)(\/[^?#]*)?(\?[^#]*)?$/.exec(text) ?? [];
  if (bucket === undefined) throw invalid(`the storage should be like ${example}, not ${quote(text)}`);
  if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(bucket)) {
    throw invalid(
      `the bucket should have 3 to 63 lower-case letters, digits, "." and "-", not be ${quote(bucket)}`,
    );
  }
  const parameters = parseParameters(search);
  const region = parameters.get('region') ?? 'us-east-1';
  if (!/^[a-z0-9-]{1,40}$/.test(region)) throw invalid(`no region is called ${quote(region)}`);
  const endpoint = parameters.get('endpoint');
  const publicEndpoint = parameters.get('public-endpoint');
  return {
    bucket,
    prefix: parsePrefix(path),
    endpoint: endpoint === undefined ? amazon(region) : parseEndpoint('endpoint', endpoint),
    region,
    // Amazon's buckets have names below the endpoint's; others are seldom set up that way.
    isPathStyle: parseFlag('path-style', parameters.get('path-style')) ?? endpoint !== undefined,
    caFile: parameters.get('ca'),
    isRedirecting: parseFlag('redirect', parameters.get('redirect')) ?? publicEndpoint !== undefined,
    publicEndpoint:
      publicEndpoint === undefined ? undefined : parseEndpoint('public-endpoint', publicEndpoint),
  };
}

function parseParameters(search: string): ReadonlyMap<ParameterName, string> {
  const parameters = new Map<ParameterName, string>();
  for (const [name, value] of new URLSearchParams(search)) {
    const known = parameterNames.find((candidate) => candidate === name);
    if (known === undefined) {
      throw invalid(`the storage has no parameter ${quote(name)}; there are ${parameterNames.join(', ')}`);
    }
    if (parameters.has(known)) throw invalid(`the storage has the parameter ${known} twice`);
    if (value === '') throw invalid(`the parameter ${known} of the storage is empty`);
    parameters.set(known, value);
  }
  return parameters;
}

function parsePrefix(path: string): string {
  const prefix = path.replace(/^\/|\/$/g, '');
  if (prefix === '') return '';
  if (!/^[A-Za-z0-9!_.'()-]+(\/[A-Za-z0-9!_.'()-]+)*$/.test(prefix) || /(^|\/)\.\.?(\/|$)/.test(prefix)) {
    throw invalid(`objects in the bucket can't have names that begin with ${quote(prefix)}`);
  }
  return `${prefix}/`;
}

function parseEndpoint(name: ParameterName, text: string): URL {
  const url = URL.parse(text);
  const isPlain = url !== null && url.pathname === '/' && url.search + url.hash + url.username === '';
  if (isPlain && /^https?:$/.test(url.protocol)) return url;
  throw invalid(`${name} should be like https://s3.example.com:9000, not ${quote(text)}`);
}

function parseFlag(name: ParameterName, text: string | undefined): boolean | undefined {
  if (text === undefined) return undefined;
  if (text !== 'true' && text !== 'false')
    throw invalid(`${name} should be true or false, not ${quote(text)}`);
  return text === 'true';
}

function amazon(region: string): URL {
  return new URL(`https://s3.${region}.amazonaws.com`);
}

function invalid(message: string): BlobStoreError {
  return new BlobStoreError('LOCATION_INVALID', message, { hint: `for example: ${example}` });
}
