import { quote } from '@img/spec/quote';
import { RuntimeError } from '../runtime-error.ts';

/** How to find out whether an app does its work. */
export type HealthCheck =
  | { readonly kind: 'http'; readonly host: string; readonly port: number; readonly path: string }
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  /** Run in the container by its own shell-less words; healthy if it ends with 0. */
  | { readonly kind: 'command'; readonly words: readonly string[] };

/**
 * Reads `http://[HOST]:PORT[/PATH]`, `tcp://[HOST]:PORT` (the loopback of the app's own network unless given), or the words of a command.
 *
 * @throws RuntimeError APP_INVALID
 */
export function parseHealthCheck(text: string): HealthCheck {
  const [, scheme, host = '', digits = '', path = '/'] =
    /^(http|tcp):\/\/([\w.-]*):(\d{1,5})(\/[!-~]*)?$/.exec(text) ?? [];
  const port = Number(digits);
  const isPort = port > 0 && port < 65_536;
  const place = { host: host === '' ? '127.0.0.1' : host, port };
  if (scheme === 'http' && isPort) return { kind: 'http', ...place, path };
  if (scheme === 'tcp' && isPort && path === '/') return { kind: 'tcp', ...place };
  const words = text.split(/\s+/).filter((word) => word !== '');
  if (scheme === undefined && words.length > 0 && !text.includes('://')) return { kind: 'command', words };
  throw new RuntimeError(
    'APP_INVALID',
    `health ${quote(text)} should be http://:PORT/PATH, tcp://:PORT, or a command in the container`,
  );
}
