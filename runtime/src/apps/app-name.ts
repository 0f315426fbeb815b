import { RuntimeError } from '../runtime-error.ts';
import { type ContainerName, parseContainerName } from '../state/container-name.ts';

// The units img-update, img-apply and img-apply-again are our own.
const reserved: readonly string[] = ['apply', 'apply-again', 'update'];

/**
 * Reads the name of an installed app, which names its container and its units, too.
 *
 * @throws RuntimeError CONTAINER_NAME_INVALID
 */
export function parseAppName(text: string): ContainerName {
  const name = parseContainerName(text);
  if (!reserved.includes(name)) return name;
  throw new RuntimeError('CONTAINER_NAME_INVALID', `${name} is the name of a unit of img itself`, {
    hint: 'choose another one with --name',
  });
}

/** What an app is called if nobody says so: the last part of the image's name, such as `web` of `com.example.web`. */
export function defaultAppName(repository: string): ContainerName {
  return parseAppName(repository.split(/[./]/).at(-1) ?? repository);
}
