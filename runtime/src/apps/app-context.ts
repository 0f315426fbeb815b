import type { Host } from '../host.ts';
import type { Systemd } from '../units/systemd.ts';

/** What installed apps are managed with. */
export type AppContext = {
  readonly host: Host;
  readonly systemd: Systemd;
  /** The words that start this program, all absolute, with the options that lead to the same folders. */
  readonly program: readonly string[];
  readonly now: () => Date;
};
