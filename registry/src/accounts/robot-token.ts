import { createHash, randomBytes, timingSafeEqual } from 'node:crypto';

/** So that programs which look for leaked secrets know one when they see it. */
const prefix = 'imgr_';

/** Makes a token up: 256 random bits, so that no slow hash is needed to store it safely. */
export function createRobotToken(): string {
  return prefix + randomBytes(32).toString('base64url');
}

/** What is stored of a token. */
export function hashRobotToken(token: string): string {
  return createHash('sha256').update(token).digest('hex');
}

export function isRobotToken(token: string, hash: string): boolean {
  const [computed, stored] = [Buffer.from(hashRobotToken(token), 'hex'), Buffer.from(hash, 'hex')];
  return computed.byteLength === stored.byteLength && timingSafeEqual(computed, stored);
}
