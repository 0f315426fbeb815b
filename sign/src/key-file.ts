import { randomBytes, scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import type { JsonFields } from '@img/spec/json-fields';
import { quote } from '@img/spec/quote';
import { xsalsa20poly1305 } from '@noble/ciphers/salsa.js';
import { decodeBase64, encodeBase64 } from './base64.ts';
import { readDocument } from './document.ts';
import { decodePem, encodePem } from './pem.ts';
import { type PrivateKey, privateKeyFromPkcs8 } from './private-key.ts';
import { SignError } from './sign-error.ts';

/*
 * The file is cosign's: PEM around JSON, {"kdf":{"name":"scrypt","params":{"N","r","p"},"salt"},
 * "cipher":{"name":"nacl/secretbox","nonce"},"ciphertext"}, binary values in base64. The ciphertext is PKCS#8 in
 * XSalsa20-Poly1305 under a key that scrypt (RFC 7914) makes from the passphrase.
 */

const label = 'ENCRYPTED SIGSTORE PRIVATE KEY';
/** Written by cosign before version 2. */
const oldLabel = 'ENCRYPTED COSIGN PRIVATE KEY';

// The costs that cosign calls legacy, standard and OWASP. Anything else is refused, as cosign does: a file must
// not be able to ask for terabytes of memory.
const readableCosts: readonly number[] = [2 ** 15, 2 ** 16, 2 ** 17];
const writtenCost = 2 ** 16;
const blockSize = 8;
const parallelization = 1;

const saltBytes = 32;
const nonceBytes = 24;
const boxKeyBytes = 32;
const maxFileCharacters = 64 * 1024;

const deriveKey = promisify<Uint8Array, Uint8Array, number, ScryptOptions, Buffer>(scrypt);
type ScryptOptions = { readonly N: number; readonly r: number; readonly p: number; readonly maxmem: number };

/**
 * Decrypts a private key file, made here or by `cosign generate-key-pair` and `cosign import-key-pair`. Takes
 * about a quarter of a second and up to 128 MiB of memory, on purpose.
 *
 * @throws SignError KEY_FILE_INVALID, PASSPHRASE_WRONG, KEY_UNSUPPORTED
 */
export async function openKeyFile(text: string, passphrase: string): Promise<PrivateKey> {
  const { cost, salt, nonce, ciphertext } = parseKeyFile(text);
  const boxKey = await boxKeyOf(passphrase, salt, cost);
  let plaintext: Uint8Array;
  try {
    plaintext = xsalsa20poly1305(boxKey, nonce).decrypt(ciphertext);
  } catch (cause) {
    throw new SignError('PASSPHRASE_WRONG', 'passphrase does not open the key file', {
      cause,
      hint: 'try the passphrase again; a key file that was changed looks the same as a wrong passphrase',
    });
  } finally {
    boxKey.fill(0);
  }
  try {
    return privateKeyFromPkcs8(plaintext);
  } finally {
    plaintext.fill(0);
  }
}

/**
 * Encrypts a private key into a file that {@link openKeyFile} and cosign open. Every call makes another text:
 * salt and nonce are random.
 */
export async function sealKeyFile(key: PrivateKey, passphrase: string): Promise<string> {
  const salt = randomBytes(saltBytes);
  const nonce = randomBytes(nonceBytes);
  const boxKey = await boxKeyOf(passphrase, salt, writtenCost);
  const plaintext = key.toPkcs8();
  try {
    const json = {
      kdf: {
        name: 'scrypt',
        params: { N: writtenCost, r: blockSize, p: parallelization },
        salt: encodeBase64(salt),
      },
      cipher: { name: 'nacl/secretbox', nonce: encodeBase64(nonce) },
      ciphertext: encodeBase64(xsalsa20poly1305(boxKey, nonce).encrypt(plaintext)),
    };
    return encodePem({ label, bytes: new TextEncoder().encode(JSON.stringify(json)) });
  } finally {
    boxKey.fill(0);
    plaintext.fill(0);
  }
}

function parseKeyFile(text: string) {
  const block = text.length > maxFileCharacters ? undefined : decodePem(text);
  if (block?.label !== label && block?.label !== oldLabel) {
    const found = block === undefined ? 'no well-formed PEM block' : `a PEM block ${quote(block.label)}`;
    throw new SignError('KEY_FILE_INVALID', `key file has ${found} where ${label} should be`);
  }
  const kind = { name: 'key file', maxBytes: maxFileCharacters, code: 'KEY_FILE_INVALID' } as const;
  return readDocument(block.bytes, kind, (fields) => {
    const kdf = fields.object('kdf');
    const cipher = fields.object('cipher');
    checkName(kdf, 'scrypt');
    checkName(cipher, 'nacl/secretbox');
    return {
      cost: costFrom(kdf.object('params')),
      salt: binary(kdf, 'salt', saltBytes),
      nonce: binary(cipher, 'nonce', nonceBytes),
      ciphertext: binary(fields, 'ciphertext'),
    };
  });
}

function costFrom(params: JsonFields): number {
  const [cost, r, p] = [params.integer('N', 1), params.integer('r', 1), params.integer('p', 1)];
  if (!readableCosts.includes(cost) || r !== blockSize || p !== parallelization) {
    throw new SignError(
      'KEY_FILE_INVALID',
      `key file asks for scrypt with N=${cost}, r=${r}, p=${p}; N should be ${readableCosts.join(', ')}, r 8, p 1`,
    );
  }
  return cost;
}

function checkName(fields: JsonFields, name: string): void {
  const found = fields.string('name');
  if (found !== name) {
    throw new SignError('KEY_FILE_INVALID', `${fields.path('name')} should be ${name}, not ${quote(found)}`);
  }
}

function binary(fields: JsonFields, key: string, sizeBytes?: number): Uint8Array {
  const bytes = decodeBase64(fields.string(key));
  if (bytes === undefined || (sizeBytes !== undefined && bytes.byteLength !== sizeBytes)) {
    const wanted = sizeBytes === undefined ? 'base64' : `${sizeBytes} bytes in base64`;
    throw new SignError('KEY_FILE_INVALID', `${fields.path(key)} should be ${wanted}`);
  }
  return bytes;
}

async function boxKeyOf(passphrase: string, salt: Uint8Array, cost: number): Promise<Uint8Array> {
  // scrypt needs 128 * N * r bytes (RFC 7914 section 2) and a little more for its blocks.
  const maxmem = 128 * (cost + 64) * blockSize;
  const options = { N: cost, r: blockSize, p: parallelization, maxmem };
  return deriveKey(new TextEncoder().encode(passphrase), salt, boxKeyBytes, options);
}
