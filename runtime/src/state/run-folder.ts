import { join } from 'node:path';
import type { RuntimeName } from './container-record.ts';

/**
 * The run folder of this host, usually /run/img: what runs now, and nothing that would outlive it.
 *
 *     containers/<id>/record.json   who, what, since when; written before anything of the container exists
 *     containers/<id>/pid           its first process
 *     containers/<id>/process.json  how the app was started, for what else is started beside it
 *     containers/<id>/settings.json how it was set up, for people who look at it
 *     containers/<id>/log           what a detached app has written
 *     containers/<id>/exit          its exit code; empty as long as it runs
 *     networks/                     the networks of containers, see Networks
 *     runtimes/<crun|runc>/<id>/    the runtime's own state
 *     bundle/                       always empty: each launch mounts its bundle here, where only it can see it
 */
export class RunFolder {
  readonly #folder: string;

  /** @param folder absolute; is created with the first container */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Where the containers' folders are. */
  protected get containers(): string {
    return join(this.#folder, 'containers');
  }

  /** Where a launch mounts its bundle. */
  get bundleFolder(): string {
    return join(this.#folder, 'bundle');
  }

  /** Where the runtime keeps its own state. */
  runtimeRoot(runtime: RuntimeName): string {
    return join(this.#folder, 'runtimes', runtime);
  }

  /** Where what is known of a container is. */
  containerFolder(id: string): string {
    return join(this.containers, id);
  }

  /** Where the runtime writes the number of the container's first process. */
  pidFile(id: string): string {
    return join(this.containerFolder(id), 'pid');
  }

  /** Where it stands how the app was started. */
  processFile(id: string): string {
    return join(this.containerFolder(id), 'process.json');
  }

  /** Where it stands how the container was set up. */
  settingsFile(id: string): string {
    return join(this.containerFolder(id), 'settings.json');
  }

  /** Where what a detached app writes is kept. */
  logFile(id: string): string {
    return join(this.containerFolder(id), 'log');
  }

  /** Where the exit code of a detached app is written at its end; there from the beginning. */
  exitFile(id: string): string {
    return join(this.containerFolder(id), 'exit');
  }
}
