import { resolve } from 'node:path';
import type { OpenBase } from '@img/builder/base/open-base';
import type { Host } from '@img/runtime/host';
import type { Session } from '../command.ts';

/** Finds the image that `from:` of an img.yaml names: a place as `img copy` takes it. */
export function openBase(session: Session, host: Host): OpenBase {
  return async (name, folder) => {
    // Most builds have no image below.
    const [{ openSource }, { typedPlace }] = await Promise.all([
      import('./open-source.ts'),
      import('./typed-place.ts'),
    ]);
    const place = typedPlace(name, session.config);
    return await openSource(
      session,
      'path' in place ? { ...place, path: resolve(folder, place.path) } : place,
      host,
    );
  };
}
