import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { printable } from '@img/spec/printable';
import { runtimePrograms } from '../launch/find-runtime.ts';
import { launcherLimits } from '../launch/launcher-table.ts';
import { findProgram } from '../linux/find-program.ts';
import type { RuntimeName } from '../state/container-record.ts';
import type { Finding } from './finding.ts';
import { knownEscapes } from './known-escapes.ts';

/** What is known of the programs that start and watch containers. */
export async function examinePrograms(path: string | undefined): Promise<readonly Finding[]> {
  const programs = ['crun', 'runc', runtimePrograms.nspawn.program, 'conmon'];
  const [crun, runc, nspawn, conmon] = await Promise.all(programs.map((name) => versionOf(name, path)));
  const hasRuntime = crun !== undefined || runc !== undefined;
  return [
    runtimeFinding('crun', crun, hasRuntime),
    runtimeFinding('runc', runc, hasRuntime),
    nspawnFinding(nspawn, hasRuntime),
    conmon === undefined
      ? {
          subject: 'conmon',
          verdict: 'limited',
          text: 'not installed, so no app can run on in the background',
          hint: 'on Debian: apt-get install conmon',
        }
      : { subject: 'conmon', verdict: 'good', text: conmon },
  ];
}

function runtimeFinding(name: RuntimeName, version: string | undefined, hasOther: boolean): Finding {
  const subject = name;
  if (version === undefined) {
    const verdict = hasOther ? 'good' : 'missing';
    const text = hasOther ? 'not installed, and not needed beside the other' : 'not installed';
    return { subject, verdict, text, ...(hasOther ? {} : { hint: `on Debian: apt-get install ${name}` }) };
  }
  const escapes = knownEscapes(name, version);
  if (escapes.length === 0) return { subject, verdict: 'good', text: version };
  return {
    subject,
    verdict: 'limited',
    text: `${version} has known ways out of a container: ${escapes.map(({ id }) => id).join(', ')}`,
    hint: 'install a newer one, unless the changelog of your distribution says that it has fixed them',
  };
}

// It is never missed: where it is alone, the others are missing.
function nspawnFinding(version: string | undefined, hasOther: boolean): Finding {
  const subject = 'nspawn';
  if (version === undefined) {
    return { subject, verdict: 'good', text: 'not installed, and not needed beside crun or runc' };
  }
  return {
    subject,
    verdict: 'good',
    text: `${version}, ${hasOther ? 'for img run --runtime nspawn' : 'used because neither crun nor runc is here'}, which can't do or does otherwise:`,
    details: launcherLimits
      .filter(({ launcher }) => launcher === 'nspawn')
      .map(({ what, reason, answer }) => `${answer.padEnd(9)}  ${what}: ${reason}`),
  };
}

/** What a program says first of its version; undefined if it is not there or does not say. */
async function versionOf(name: string, path: string | undefined): Promise<string | undefined> {
  const program = findProgram(name, path);
  if (program === undefined) return undefined;
  try {
    const { stdout } = await promisify(execFile)(program, ['--version'], { maxBuffer: 64 * 1024 });
    return printable(/(?:\bversion|^systemd)\s+(\S{1,64})/.exec(stdout)?.[1] ?? '') || undefined;
  } catch {
    return undefined;
  }
}
