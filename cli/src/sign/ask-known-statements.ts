import { RegistryError } from '@img/registry/registry-error';
import type { ContentSource } from '@img/registry/transfer/content';
import type { Trust } from '@img/runtime/trust/decide';
import type { PublicKey } from '@img/sign/public-key';
import type { Statement } from '@img/sign/statement';
import type { RegistryHost } from '@img/spec/registry-host';
import type { Session } from '../command.ts';
import { openRegistry } from '../host/open-registry.ts';
import { aliasOf } from '../host/short-name.ts';
import { countingKeys, rememberedStatements, type Signing, statementsAt } from './known-statements.ts';

export type KnownStatementsRequest = {
  readonly signing: Signing;
  /** The image's repository, where it is signed. */
  readonly place: ContentSource;
  readonly registry: RegistryHost;
  readonly signer: PublicKey;
  readonly trust: Trust;
  /** Whether the image's registry is asked, too. */
  readonly isAsking: boolean;
};

/**
 * Earlier statements about tags, of this host and of the registry if it can be asked: the next one is numbered after
 * them. None where nothing is stated about tags.
 */
export async function askKnownStatements(
  session: Session,
  { signing, place, registry, signer, trust, isAsking }: KnownStatementsRequest,
): Promise<readonly Statement[]> {
  if (signing.tags.length === 0) return [];
  const { config, output, signal } = session;
  const keys = countingKeys(signer, signing.repository, trust.policy);
  const here = [
    ...(await rememberedStatements(signing, trust)),
    ...(await statementsAt(place, signing, keys, { signal })),
  ];
  if (!isAsking) return here;
  await using client = openRegistry(session, registry, { retry: { attempts: 1 } });
  try {
    return [
      ...here,
      ...(await statementsAt(client.repository(signing.repository, 'pull'), signing, keys, { signal })),
    ];
  } catch (error) {
    if (!(error instanceof RegistryError)) throw error;
    const name = aliasOf(registry, config) ?? registry;
    output.story(`${name} can't be asked, so the number comes from what this host knows`);
    output.detail(error.message);
    return here;
  }
}
