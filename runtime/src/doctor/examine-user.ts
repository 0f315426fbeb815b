import { findProgram } from '../linux/find-program.ts';
import { findTunnelProgram } from '../network/user-network.ts';
import { RuntimeError } from '../runtime-error.ts';
import type { Finding } from './finding.ts';

/** What a user other than root can do here. @param obstacle why there can be no user namespace, if so */
export function userFinding(obstacle: RuntimeError | undefined): Finding {
  const subject = 'user';
  if (obstacle === undefined) {
    return {
      subject,
      verdict: 'good',
      text: 'not root: images run in user namespaces',
    };
  }
  const { message, hint = 'try again with sudo' } = obstacle;
  return { subject, verdict: 'missing', text: `only root can run images: ${message}`, hint };
}

/** Of what only root can make. */
export const userGroupFinding: Finding = {
  subject: 'control groups',
  verdict: 'limited',
  text: 'only root can make them, so no limit on memory or processors can be set; on processes the kernel counts per user',
  hint: 'run what needs such a limit as root',
};

/**
 * Whether a user can publish ports here.
 *
 * @param path the PATH in which programs are looked for first
 */
export function userNetworkFinding(path: string | undefined, device?: string): Finding {
  const subject = 'network bridge';
  try {
    const program = findTunnelProgram((name) => findProgram(name, path), device);
    return { subject, verdict: 'good', text: `made for each container by ${program}` };
  } catch (error) {
    if (!(error instanceof RuntimeError)) throw error;
    const { message, hint = 'take --net host' } = error;
    return { subject, verdict: 'limited', text: `can't be made: ${message}`, hint };
  }
}
