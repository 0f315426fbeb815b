import { type Digest, parseDigest } from './digest.ts';
import type { JsonValue } from './json.ts';
import { JsonFields } from './json-fields.ts';
import { limits } from './limits.ts';
import { type Platform, platformFrom } from './platform.ts';
import { quote } from './quote.ts';
import { SpecError, type SpecErrorCode } from './spec-error.ts';

/** A pointer to content (image-spec, descriptor.md). */
export type Descriptor = {
  readonly mediaType: string;
  readonly digest: Digest;
  /** Exact size of the content in bytes. */
  readonly size: number;
  readonly annotations?: { readonly [key: string]: string };
  readonly artifactType?: string;
  /** The content itself, base64; only a hint that saves a request, always checked against digest and size. */
  readonly data?: string;
  readonly platform?: Platform;
  readonly urls?: readonly string[];
};

// RFC 6838 section 4.2.
const mediaTypePattern = /^[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}\/[A-Za-z0-9][A-Za-z0-9!#$&^_.+-]{0,126}$/;

const knownKeys = ['mediaType', 'digest', 'size', 'urls', 'annotations', 'data', 'platform', 'artifactType'];

/**
 * Reads a descriptor out of parsed JSON.
 *
 * @param path how messages name it, for example `manifest.layers[2]`
 * @throws SpecError with the code given
 */
export function descriptorFrom(value: JsonValue | undefined, path: string, code: SpecErrorCode): Descriptor {
  const fields = new JsonFields(value, path, code);
  fields.noOtherCase(knownKeys);
  const annotations = fields.optionalStringMap('annotations');
  const artifactType = fields.optionalString('artifactType');
  const data = fields.optionalString('data', limits.manifestBytes);
  const platform = fields.optionalObject('platform');
  const urls = fields.optionalStrings('urls', limits.descriptorItems);
  return {
    mediaType: checkMediaType(fields.string('mediaType'), fields.path('mediaType'), code),
    digest: digestFrom(fields, code),
    size: fields.integer('size', 0, limits.descriptorSize),
    ...(annotations === undefined ? {} : { annotations }),
    ...(artifactType === undefined ? {} : { artifactType }),
    ...(data === undefined ? {} : { data }),
    ...(platform === undefined ? {} : { platform: platformFrom(platform) }),
    ...(urls === undefined ? {} : { urls }),
  };
}

/** @throws SpecError with the code given */
export function checkMediaType(text: string, path: string, code: SpecErrorCode): string {
  if (!mediaTypePattern.test(text)) {
    throw new SpecError(code, `${path} should be a media type such as application/json, not ${quote(text)}`);
  }
  return text;
}

function digestFrom(fields: JsonFields, code: SpecErrorCode): Digest {
  const text = fields.string('digest');
  try {
    return parseDigest(text);
  } catch (cause) {
    throw new SpecError(code, `${fields.path('digest')}: ${(cause as Error).message}`, { cause });
  }
}
