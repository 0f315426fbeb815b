import { type Examination, examineImage } from '@img/runtime/examine-image';
import { RuntimeError } from '@img/runtime/runtime-error';
import type { Session } from '../command.ts';
import { exitCodes } from '../exit-code.ts';
import { errorLines } from '../output/error-lines.ts';
import { countOf } from '../output/measure.ts';
import { openHost } from './open-host.ts';
import { shortName } from './short-name.ts';
import { typedReference } from './typed-reference.ts';

/**
 * Reads all that this host has of the image that somebody typed, and tells what is damaged: as the result with --json,
 * and as an error.
 *
 * @returns whether all of it is what it was
 * @throws CliError USAGE; as `examineImage`
 */
export async function examineTypedImage(session: Session, text: string): Promise<boolean> {
  const { config, output, setExitCode, signal } = session;
  const reference = typedReference(text, config);
  const name = shortName(reference, config);
  await using host = await openHost(session);
  const found = await examineImage(reference, host, { progress: output.progress, signal });
  if (found.faults.length === 0) {
    output.story(`read ${readStory(found)} on this host: all is what the image says`);
    return true;
  }
  if (output.isJson) {
    const digest = found.content?.descriptor.digest ?? null;
    output.result({ reference: name, digest, damaged: found.faults }, () => []);
  }
  const messages = found.faults.map(({ message }) => message);
  const error = new RuntimeError(
    'IMAGE_DAMAGED',
    [`${name} is damaged on this host:`, ...messages].join('\n'),
    {
      hint: `find out who or what writes to the store; this repairs it: img repair ${name}`,
    },
  );
  output.error(errorLines(error, { verbose: false }));
  setExitCode(exitCodes.notTrusted);
  return false;
}

function readStory({ blobs, layers, trees }: Examination): string {
  const manifests = countOf(blobs, 'manifest, config or signature', 'manifests, configs and signatures');
  return `${manifests}, ${countOf(layers, 'layer')} and ${countOf(trees, 'tree')}`;
}
