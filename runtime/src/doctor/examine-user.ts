import type { RuntimeError } from '../runtime-error.ts';
import type { Finding } from './finding.ts';

/** What a user other than root can do here. @param obstacle why there can be no user namespace, if so */
export function userFinding(obstacle: RuntimeError | undefined): Finding {
  const subject = 'user';
  if (obstacle === undefined) {
    return {
      subject,
      verdict: 'good',
      text: 'not root: images run in user namespaces, with the networks none and host',
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

/** Of the network that only root can make. */
export const userNetworkFinding: Finding = {
  subject: 'network bridge',
  verdict: 'limited',
  text: 'only root can make it, so no port can be published',
  hint: 'take --net host, or run the image as root',
};
