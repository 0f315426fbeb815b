import { hostname } from 'node:os';
import { type DestinationStream, type Logger, pino } from 'pino';

/**
 * A log of lines of JSON.
 *
 * @param destination none to write nothing
 * @param worker the number of the worker that writes it, if there are several; they are in each line
 */
export function createLog(destination: DestinationStream | undefined, worker?: number): Logger {
  if (destination === undefined) return pino({ enabled: false });
  if (worker === undefined) return pino({}, destination);
  return pino({ base: { pid: process.pid, hostname: hostname(), worker } }, destination);
}
