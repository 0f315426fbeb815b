import type { Exchange } from '../exchange.ts';
import { answerJson } from '../http/answer.ts';

const discovery = {
  name: '_oci',
  url: 'https://github.com/opencontainers/distribution-spec/blob/main/extensions/_oci.md',
  description: 'Lists the extensions of this registry.',
  endpoints: ['_oci/ext/discover'],
};

/** The extensions of the registry or of a repository (distribution-spec, extensions/_oci.md). */
export async function getExtensions({ ctx }: Exchange): Promise<void> {
  answerJson(ctx, { extensions: [discovery] });
}
