import { describeRule } from '@img/sign/trust-rule';
import { CodedError } from '@img/spec/coded-error';
import { findSigners, type SignedImage, type Signers } from '../server/admission/find-signers.ts';
import type { Services } from '../server/services.ts';
import { timeHtml } from './format.ts';
import { type Html, html } from './html.ts';

/** Who signed an image and which rule that meets, as the registry sees it. */
export async function signedBy(services: Services, image: SignedImage): Promise<Html> {
  try {
    return shown(await findSigners(services, image));
  } catch (error) {
    if (!(error instanceof CodedError)) throw error;
    return html`<span class="bad">not readable</span> <span class="quiet">${error.message}</span>`;
  }
}

function shown({ decidedBy, decision, hasSignatures, admission }: Signers): Html {
  if (decision?.trusted === true) {
    const names = decision.signers.map(({ identity }) => identity.name).join(', ');
    const admitted = admission !== undefined && html`, admitted ${timeHtml(admission.admitted_at)}`;
    return html`<span class="good">${names}</span> <span class="quiet">${describeRule(decision.rule)}${admitted}</span>`;
  }
  // What a rule demands is shown also where nobody has signed.
  if (decision !== undefined && (hasSignatures || decidedBy !== 'keyring')) {
    return html`<span class="bad">${decision.message}</span>`;
  }
  return html`<span class="quiet">${hasSignatures ? 'somebody; not checked here' : 'nobody'}</span>`;
}
