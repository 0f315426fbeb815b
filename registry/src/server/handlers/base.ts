import type { Exchange } from '../exchange.ts';
import { answerJson } from '../http/answer.ts';

/** `GET /v2/` (distribution-spec, "Determining Support"): whoever gets here has valid credentials. */
export async function getBase({ ctx }: Exchange): Promise<void> {
  answerJson(ctx, {});
}
