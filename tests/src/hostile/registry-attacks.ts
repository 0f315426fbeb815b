import {
  answering,
  endlessBody,
  onRoute,
  redirectTo,
  staleTag,
  truncatedBody,
  wrongContentType,
  wrongDigest,
  wrongSize,
} from '@img/registry/testing/misbehaviours';
import type { DoubleExchange, Misbehaviour, RegistryDouble } from '@img/registry/testing/registry-double';
import { addTokenService } from '@img/registry/testing/token-service';
import type { ManifestContent } from '@img/registry/transfer/content';
import { digestOf as contentDigest, type Digest, parseDigest } from '@img/spec/digest';
import { parseImageManifest } from '@img/spec/manifest';
import { mediaTypes } from '@img/spec/media-types';

/** A registry with a good image, which an attack is about to spoil. */
export type Attacked = { readonly double: RegistryDouble; readonly image: ManifestContent };

/** What a registry does to whoever fetches a good image from it, and how every command refuses it. */
export type RegistryAttack = {
  readonly name: string;
  readonly begin: (attacked: Attacked) => Misbehaviour;
  readonly code: string;
  readonly exitCode?: number;
  /** The whole message, with the registry's address and digests left out. */
  readonly message: RegExp;
};

const elsewhere = 'http://192.0.2.1';
const layerOf = ({ image }: Attacked) => digestOf(parseImageManifest(image.bytes).layers[0]);
const configOf = ({ image }: Attacked) => parseImageManifest(image.bytes).config.digest;

/** Attacks on the content itself: what arrives is not what was named. */
export const contentAttacks: readonly RegistryAttack[] = [
  {
    name: 'a byte of the layer is another one',
    begin: (attacked) => only(layerOf(attacked), wrongDigest(attacked.double, layerOf(attacked))),
    code: 'DIGEST_MISMATCH',
    message: /^blob sha256:\w+ of \S+ is not what it should be: /,
  },
  {
    name: 'a byte of the config is another one',
    begin: (attacked) => only(configOf(attacked), wrongDigest(attacked.double, configOf(attacked))),
    code: 'DIGEST_MISMATCH',
    message: /^blob sha256:\w+ of \S+ is not what it should be: /,
  },
  {
    name: 'the config is that of another image',
    begin: (attacked) => only(configOf(attacked), answeringBlob({}, otherConfig(attacked))),
    code: 'DIGEST_MISMATCH',
    message: /^blob sha256:\w+ of \S+ is not what it should be: /,
  },
  {
    name: 'the layer is another blob of the image',
    begin: (attacked) => only(layerOf(attacked), answeringBlob({}, blobOf(attacked, configOf(attacked)))),
    code: 'ANSWER_TRUNCATED',
    message: /^could not get blob sha256:\w+ of \S+: the answer ended after \d+ of \d+ bytes$/,
  },
  {
    name: 'the layer is shorter than named',
    begin: (attacked) => only(layerOf(attacked), wrongSize(attacked.double, layerOf(attacked))),
    code: 'SIZE_MISMATCH',
    message: /^could not get blob sha256:\w+ of \S+: the registry has \d+ bytes instead of \d+$/,
  },
  {
    name: 'the layer ends in the middle, however often it is asked for',
    begin: (attacked) => only(layerOf(attacked), truncatedBody(attacked.double, layerOf(attacked))),
    code: 'ANSWER_TRUNCATED',
    message: /^could not get blob sha256:\w+ of \S+: the answer ended after \d+ of \d+ bytes$/,
  },
  {
    name: 'the layer never ends',
    begin: (attacked) => only(layerOf(attacked), endlessBody('blob', mediaTypes.octetStream)),
    code: 'ANSWER_TOO_LONG',
    message: /^could not get blob sha256:\w+ of \S+: the answer has more than the blob's \d+ bytes$/,
  },
  {
    name: 'the layer is compressed on the way, which could be a bomb',
    begin: (attacked) => only(layerOf(attacked), answeringBlob({ 'content-encoding': 'gzip' })),
    code: 'ANSWER_INVALID',
    message: /the answer is encoded as "gzip", which nobody asked for$/,
  },
  {
    name: 'the layer is missing',
    begin: (attacked) => only(layerOf(attacked), answeringStatus(404)),
    code: 'CONTENT_MISSING',
    exitCode: 4,
    message: /^could not get blob sha256:\w+ of \S+: 404 Not Found$/,
  },
  {
    name: 'the manifest never ends',
    begin: () => endlessBody('manifest', mediaTypes.ociManifest),
    code: 'ANSWER_TOO_LONG',
    message: /^could not get manifest 1\.0 of \S+: the answer is longer than the \d+ bytes allowed$/,
  },
  {
    name: 'the tag has another digest than the registry says',
    begin: ({ double }) => staleTag(double, parseDigest(`sha256:${'0'.repeat(64)}`)),
    code: 'DIGEST_MISMATCH',
    message:
      /^could not get manifest 1\.0 of \S+: it should have the digest sha256:0{64} but has sha256:\w+$/,
  },
  {
    name: 'the manifest is said to be a web page',
    begin: ({ double }) => wrongContentType(double, 'text/html; charset=utf-8'),
    code: 'CONTENT_TYPE_INVALID',
    message: /: the answer is "text\/html; charset=utf-8", not a manifest$/,
  },
  {
    name: 'the manifest is said to be an index',
    begin: ({ double }) => wrongContentType(double, mediaTypes.ociIndex),
    code: 'IMAGE_INVALID',
    message: /^could not get manifest 1\.0 of \S+: /,
  },
];

const malformedManifests: readonly (readonly [problem: string, text: string])[] = [
  ['is no JSON', '{"schemaVersion":2,'],
  ['has a key twice', '{"schemaVersion":2,"schemaVersion":2}'],
  ['is nested without end', '['.repeat(100_000)],
  ['is empty', ''],
  ['is no UTF-8', '{"\u00ff":1}'],
];

/** Attacks with what the protocol says around the content, and with what is no content at all. */
export const protocolAttacks: readonly RegistryAttack[] = [
  ...malformedManifests.map(([problem, text]) => ({
    name: `the manifest ${problem}`,
    begin: () => answeringManifest(text),
    code: 'IMAGE_INVALID',
    message: /^could not get manifest 1\.0 of \S+: /,
  })),
  {
    name: 'the manifest is an index of thousands of images, none for this host',
    begin: () => answeringManifest(largeIndex(4096), mediaTypes.ociIndex),
    code: 'PLATFORM_UNKNOWN',
    message: /^no image for linux\/\S+ in the index, which has "linux\/wasm"$/,
  },
  {
    name: 'the manifest is an index of more images than any index has',
    begin: () => answeringManifest(largeIndex(4097), mediaTypes.ociIndex),
    code: 'IMAGE_INVALID',
    message: /^could not get manifest 1\.0 of \S+: .*4096/,
  },
  {
    name: 'it redirects a layer to another machine without encryption',
    begin: () => redirectTo('blob', `${elsewhere}/layer`),
    code: 'REDIRECT_REFUSED',
    message:
      /^registry \S+ sent this client to "http:\/\/192\.0\.2\.1\/layer", which is plain http on another machine$/,
  },
  {
    name: 'it redirects to a file of this machine',
    begin: () => redirectTo('manifest', 'file:///etc/passwd'),
    code: 'REDIRECT_REFUSED',
    message: /^registry \S+ sent this client to "file:\/\/\/etc\/passwd", which is not http or https$/,
  },
  {
    name: 'it redirects in a circle',
    begin: () => redirectTo('manifest', '/v2/com.example.app/manifests/1.0'),
    code: 'REDIRECT_LOOP',
    message: /^could not get manifest 1\.0 of \S+: redirected more than 5 times, last to /,
  },
  {
    name: 'it refuses every token that it gives',
    begin: ({ double }) => {
      addTokenService(double);
      return ({ url, response }) => {
        if (url.pathname === '/token') return false;
        const challenge = `Bearer realm="${double.url}/token",service="test"`;
        response.writeHead(401, { 'www-authenticate': challenge }).end();
        return true;
      };
    },
    code: 'ACCESS_DENIED',
    exitCode: 5,
    message: /^could not get manifest 1\.0 of \S+: 401 Unauthorized$/,
  },
  {
    name: 'its tokens are to be had on another machine without encryption',
    begin: () => challenging(`${elsewhere}/token`),
    code: 'REDIRECT_REFUSED',
    message:
      /^registry \S+ sent this client to "http:\/\/192\.0\.2\.1\/token", which is plain http on another machine$/,
  },
  {
    name: 'its tokens are no tokens',
    begin: ({ double }) => tokens(double, (response) => response.end('{"token":"a\\r\\nb: c"}')),
    code: 'TOKEN_REFUSED',
    exitCode: 5,
    message: /^could not get a token for \S+ from \S+: the token has characters that no token has$/,
  },
  {
    name: 'its tokens never end',
    begin: ({ double }) => {
      return tokens(double, (response) => {
        const more = () => {
          while (!response.destroyed && response.write('x'.repeat(65_536)));
        };
        response.on('drain', more);
        more();
      });
    },
    code: 'ANSWER_TOO_LONG',
    message: /^could not get a token for \S+ from \S+: the answer is longer than the \d+ bytes allowed$/,
  },
  {
    name: 'it fails for ever',
    begin: () => onRoute('manifest', answeringStatus(503)),
    code: 'REGISTRY_FAILED',
    message: /^could not get manifest 1\.0 of \S+: 503 Service Unavailable$/,
  },
  {
    name: 'it wants to be left alone for a month',
    begin: () => onRoute('manifest', answeringStatus(429, { 'retry-after': '2592000' })),
    code: 'TOO_MANY_REQUESTS',
    exitCode: 5,
    message: /^could not get manifest 1\.0 of \S+: 429 Too Many Requests$/,
  },
  {
    name: 'what it says would take over a terminal',
    begin: () =>
      onRoute(
        'manifest',
        answering(({ response }) => {
          response.writeHead(400).end(
            JSON.stringify({
              errors: [{ code: 'UNKNOWN', message: '\u001b]0;owned\u0007\u202e\r\nimg: done' }],
            }),
          );
        }),
      ),
    code: 'REQUEST_REFUSED',
    exitCode: 5,
    message: /^could not get manifest 1\.0 of \S+: 400 [\x20-\x7e]+$/,
  },
  {
    name: 'it speaks no HTTP',
    begin: () => answering(({ request }) => void request.socket.end('220 ftp ready\r\n')),
    code: 'ANSWER_INVALID',
    message: /^could not get manifest 1\.0 of \S+: no valid HTTP answer from /,
  },
];

function digestOf(layer: { readonly digest: Digest } | undefined): Digest {
  if (layer === undefined) throw new TypeError('the image has no layer');
  return layer.digest;
}

/** Misbehaves for one blob. */
function only(digest: Digest, misbehaviour: Misbehaviour): Misbehaviour {
  return (exchange) => exchange.route?.parameter === digest && misbehaviour(exchange);
}

function answeringStatus(status: number, headers: { readonly [name: string]: string } = {}): Misbehaviour {
  return answering(({ response }) => void response.writeHead(status, headers).end());
}

function answeringBlob(
  headers: { readonly [name: string]: string },
  content: string | Uint8Array = 'x',
): Misbehaviour {
  return onRoute(
    'blob',
    answering(({ response }) => void response.writeHead(200, headers).end(content)),
  );
}

function blobOf({ double }: Attacked, digest: Digest): Uint8Array {
  return double.blobs.get(digest) ?? new Uint8Array();
}

/** A config for the same layers, and of the same length, that starts something else. */
function otherConfig(attacked: Attacked): string {
  return Buffer.from(blobOf(attacked, configOf(attacked)))
    .toString()
    .replace('"hello"', '"owned"');
}

/** An index of so many images, none of which exists. */
function largeIndex(images: number): string {
  const manifests = Array.from({ length: images }, (_, index) => ({
    mediaType: mediaTypes.ociManifest,
    digest: contentDigest(Buffer.from(String(index))),
    size: 1000,
    platform: { os: 'linux', architecture: 'wasm' },
  }));
  return JSON.stringify({ schemaVersion: 2, mediaType: mediaTypes.ociIndex, manifests });
}

function answeringManifest(text: string, mediaType: string = mediaTypes.ociManifest): Misbehaviour {
  return onRoute(
    'manifest',
    answering(({ response }) => {
      response.writeHead(200, { 'content-type': mediaType }).end(text, 'latin1');
    }),
  );
}

function challenging(realm: string): Misbehaviour {
  return answering(({ response }) => {
    response.writeHead(401, { 'www-authenticate': `Bearer realm="${realm}",service="test"` }).end();
  });
}

function tokens(
  double: RegistryDouble,
  answer: (response: DoubleExchange['response']) => unknown,
): Misbehaviour {
  return (exchange) => {
    if (exchange.url.pathname !== '/token') return challenging(`${double.url}/token`)(exchange);
    answer(exchange.response);
    return true;
  };
}
