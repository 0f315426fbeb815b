import { execFile } from 'node:child_process';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { writeFileAtomic } from '@img/registry/storage/write-file-atomic';
import { printable } from '@img/spec/printable';
import { findProgram } from '../linux/find-program.ts';
import { RuntimeError } from '../runtime-error.ts';
import type { UnitFile } from './own-units.ts';

/** How a unit is at this moment. */
export type UnitStatus = {
  /** `active`, `activating`, `deactivating`, `failed` or `inactive`. */
  readonly activeState: string;
  /** Another one after each start; empty if it was never started. */
  readonly invocation: string;
  /** The number of its main process; 0 if it has none. */
  readonly mainPid: number;
  /** Why it ended last: `success`, `exit-code`, `signal`, `timeout`, … */
  readonly result: string;
};

export type SystemdOptions = {
  /** Where the units of the administrator are. */
  readonly unitFolder?: string;
};

const jobOptions = { maxBuffer: 1024 * 1024 };

/** The service manager of this host, through systemctl(1). */
export class Systemd {
  readonly #unitFolder: string;

  constructor({ unitFolder = '/etc/systemd/system' }: SystemdOptions = {}) {
    this.#unitFolder = unitFolder;
  }

  /** @throws RuntimeError HOST_UNSUPPORTED if another service manager runs this host */
  async check(): Promise<void> {
    // sd_booted(3)
    const isThere = await readFile('/proc/1/comm', 'utf8').then((name) => name.trim() === 'systemd');
    if (isThere && findProgram('systemctl') !== undefined) return;
    throw new RuntimeError(
      'HOST_UNSUPPORTED',
      'this host is not run by systemd, which starts installed apps',
      {
        hint: 'without it, img run --detach starts apps that run on',
      },
    );
  }

  /**
   * Writes units, or removes those without a text, and has systemd read them if anything is new.
   *
   * @returns whether anything was
   */
  async place(
    ...files: readonly { readonly name: string; readonly text: UnitFile['text'] | undefined }[]
  ): Promise<boolean> {
    let isChanged = false;
    for (const { name, text } of files) {
      const path = join(this.#unitFolder, name);
      const there = await readFile(path, 'utf8').catch(() => undefined);
      if (there === text) continue;
      if (text === undefined) await rm(path, { force: true });
      else await writeFileAtomic(path, text);
      isChanged = true;
    }
    if (isChanged) await this.#run(['daemon-reload']);
    return isChanged;
  }

  /** Starts units with the host from now on; not now. */
  async enable(...units: readonly string[]): Promise<void> {
    await this.#run(['enable', '--quiet', ...units]);
  }

  /** Ends units and starts them with the host no more; what is not there is left out. */
  async disable(...units: readonly string[]): Promise<void> {
    await this.#tryRun(['disable', '--quiet', '--now', ...units]);
    await this.#tryRun(['reset-failed', ...units]);
  }

  /** Waits for the job. @throws RuntimeError APP_UNHEALTHY */
  async start(unit: string): Promise<void> {
    await this.#job(['start', unit]);
  }

  /** Ends it if it runs, starts it, and waits for both. @throws RuntimeError APP_UNHEALTHY */
  async restart(unit: string): Promise<void> {
    await this.#job(['restart', unit]);
  }

  /** Waits until it has ended. */
  async stop(unit: string): Promise<void> {
    await this.#run(['stop', unit]);
  }

  async status(unit: string): Promise<UnitStatus> {
    const properties = ['ActiveState', 'InvocationID', 'MainPID', 'Result'];
    const text = await this.#run(['show', '--property', properties.join(','), unit]);
    const values = new Map(
      text.split('\n').map((line) => {
        const equals = line.indexOf('=');
        return [line.slice(0, equals), line.slice(equals + 1)] as const;
      }),
    );
    return {
      activeState: values.get('ActiveState') ?? 'inactive',
      invocation: values.get('InvocationID') ?? '',
      mainPid: Number(values.get('MainPID') ?? 0),
      result: values.get('Result') ?? '',
    };
  }

  /**
   * Makes sure that what becomes of units is their own fault.
   *
   * @throws RuntimeError HOST_STOPPING if the host is being switched off, or systemd itself has crashed
   */
  async checkStaying(): Promise<void> {
    // It fails also where a unit has failed, which says nothing here.
    const text = await promisify(execFile)('systemctl', ['is-system-running'], jobOptions).then(
      ({ stdout }) => stdout,
      (error: Error & { readonly stdout?: string }) => error.stdout ?? '',
    );
    if (/^(?:initializing|starting|running|degraded|maintenance)\s/.test(text)) return;
    throw new RuntimeError('HOST_STOPPING', 'this host is being switched off', {
      hint: 'what ran before the update runs again when it is on',
    });
  }

  async #job(words: readonly string[]): Promise<void> {
    try {
      await promisify(execFile)('systemctl', words, jobOptions);
    } catch (cause) {
      throw new RuntimeError('APP_UNHEALTHY', `${words.at(-1)} did not start, or did not become healthy`, {
        cause,
        hint: `journalctl --unit ${words.at(-1)} --lines 20 shows what it said`,
      });
    }
  }

  async #run(words: readonly string[]): Promise<string> {
    try {
      return (await promisify(execFile)('systemctl', words, jobOptions)).stdout;
    } catch (cause) {
      const { stderr = '', message } = cause as Error & { readonly stderr?: string };
      throw new RuntimeError(
        'HOST_UNSUPPORTED',
        `systemctl ${words.join(' ')} failed: ${printable(stderr.trim() || message)}`,
        { cause },
      );
    }
  }

  async #tryRun(words: readonly string[]): Promise<void> {
    try {
      await promisify(execFile)('systemctl', words, jobOptions);
    } catch {
      // One that is not there is as it shall be.
    }
  }
}
