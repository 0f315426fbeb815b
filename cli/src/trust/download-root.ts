import { readUrl, shownUrl } from '@img/builder/debian/http';
import { isLoopbackUrl } from '@img/registry/client/endpoint';
import { parseSignedTrustRoot, type SignedTrustRoot } from '@img/sign/signed-trust-root';
import { CliError } from '../cli-error.ts';
import { maxRootBytes } from './root-file.ts';

/** Whether somebody means an address rather than a file. */
export function isRootUrl(text: string): boolean {
  return /^https?:\/\//i.test(text);
}

/**
 * Fetches a trust root from its publisher. What it says is as untrusted as a file: its signatures are checked, and the
 * first time a person compares its keys.
 *
 * @throws CliError USAGE, ROOT_UNREACHABLE; SignError as `parseSignedTrustRoot`; the reason of the signal
 */
export async function downloadRoot(text: string, signal: AbortSignal): Promise<SignedTrustRoot> {
  const url = URL.parse(text);
  if (url === null || (url.protocol === 'http:' && !isLoopbackUrl(url))) {
    throw new CliError(
      'USAGE',
      `trust root ${shownUrl(text)} should be at an address that begins with https://`,
      {
        hint: 'or fetch it in your own way, and import the file',
      },
    );
  }
  let bytes: Uint8Array;
  try {
    bytes = await readUrl(url.href, maxRootBytes, { signal });
  } catch (cause) {
    signal.throwIfAborted();
    throw new CliError('ROOT_UNREACHABLE', `could not fetch the trust root: ${(cause as Error).message}`, {
      cause,
      hint: 'check the address with its publisher, and the network',
    });
  }
  return parseSignedTrustRoot(bytes);
}
