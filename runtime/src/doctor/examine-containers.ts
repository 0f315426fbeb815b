import { confinementText } from '../config/confinement.ts';
import type { ContainerRecord } from '../state/container-record.ts';
import type { Finding } from './finding.ts';

/** Which of the containers that run were started with less protection than their profile gives. */
export function containersFinding(
  containers: readonly Pick<ContainerRecord, 'id' | 'name' | 'profile' | 'insecure'>[],
): Finding {
  const subject = 'containers';
  const weakened = containers.filter(({ insecure }) => insecure.length > 0);
  if (weakened.length === 0) {
    const text =
      containers.length === 0 ? 'none run' : `${containers.length} run, each with all that its profile gives`;
    return { subject, verdict: 'good', text };
  }
  const texts = weakened.map(({ id, name, profile, insecure }) => {
    const unsigned = insecure.includes('signature') ? ', not verified' : '';
    return `${name ?? id} (${confinementText(profile, insecure)}${unsigned})`;
  });
  return {
    subject,
    verdict: 'limited',
    text: `${weakened.length} of ${containers.length} run with protections given up: ${texts.join('; ')}`,
    hint: 'start them again without --insecure',
  };
}
