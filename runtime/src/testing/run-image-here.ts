/**
 * Run as a process of its own by the tests of runImage: becomes the container of an image that it may fetch from
 * another store. What is refused, and why, is one line of JSON on the standard error.
 */
import { writeSync } from 'node:fs';
import { ImageStore } from '@img/registry/images/image-store';
import { parseReference } from '@img/spec/reference';
import { parseRegistryHost } from '@img/spec/registry-host';
import type { PullPolicy } from '../acquire-image.ts';
import type { InsecureItem } from '../config/insecure-item.ts';
import type { RunOptions } from '../config/run-options.ts';
import { Host, type HostFolders } from '../host.ts';
import type { InstalledImage } from '../install-image.ts';
import { runImage } from '../run-image.ts';
import type { RuntimeName } from '../state/container-record.ts';
import { NotTrustedError } from '../trust/not-trusted-error.ts';

export type RunHereRequest = {
  readonly folders: HostFolders;
  /** The store that plays the registry. */
  readonly registry: string;
  readonly reference: string;
  readonly pull?: PullPolicy;
  readonly insecure?: readonly InsecureItem[];
  readonly runtime?: RuntimeName;
  readonly options: RunOptions;
};

/** The registry that the tests' references name. */
export const testRegistry = parseRegistryHost('registry.example:5000');

if (import.meta.main) {
  const request = JSON.parse(process.argv[2] ?? '') as RunHereRequest;
  const reference = parseReference(request.reference, { default: testRegistry, aliases: new Map() });
  const remote = new ImageStore(request.registry).repository(reference);
  try {
    const beforeLaunch = ({ decision }: InstalledImage) => {
      if (!decision.trusted) writeSync(2, `not trusted: ${decision.code}\n`);
      return Promise.resolve();
    };
    await runImage({ ...request, reference, remote, beforeLaunch }, new Host(request.folders));
  } catch (error) {
    const { code, message } = error as Error & { readonly code: string };
    const refusal = error instanceof NotTrustedError ? error.decision.code : undefined;
    writeSync(2, `${JSON.stringify({ code, refusal, message })}\n`);
    process.exitCode = 70;
  }
}
