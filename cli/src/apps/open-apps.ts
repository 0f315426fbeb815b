import type { AppContext } from '@img/runtime/apps/app-context';
import type { Host } from '@img/runtime/host';
import { RuntimeError } from '@img/runtime/runtime-error';
import { Systemd } from '@img/runtime/units/systemd';
import type { Session } from '../command.ts';
import { openHost } from '../host/open-host.ts';

/**
 * What installed apps are managed with. Close its host, or bind that with `await using`.
 *
 * @throws RuntimeError ROOT_REQUIRED
 */
export async function openApps(session: Session): Promise<AppContext & { readonly host: Host }> {
  if (!session.environment.isRoot) {
    throw new RuntimeError('ROOT_REQUIRED', 'only root can change what systemd runs', {
      hint: 'try again with sudo',
    });
  }
  const host = await openHost(session);
  return { host, systemd: new Systemd(), program: programWords(session), now: () => new Date() };
}

/** The words that start this program from a unit, with the options that lead to the same folders. */
export function programWords({ config }: Pick<Session, 'config'>): readonly string[] {
  const { ownFolder, settings } = config;
  const options = (['root', 'run', 'cache'] as const).flatMap((key) => {
    const setting = settings.texts[key];
    const isTyped = setting?.origin === `--${key}` || setting?.origin === `IMG_${key.toUpperCase()}`;
    return isTyped ? [`--${key}`, setting.text] : [];
  });
  return [
    process.execPath,
    process.argv[1] ?? '',
    ...(ownFolder === undefined ? [] : ['--config', ownFolder]),
    ...options,
  ];
}
