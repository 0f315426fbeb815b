import { isRepositoryName, type RepositoryName } from '@img/spec/repository-name';
import type { RepositoryAction } from '@img/spec/routes';

/** What a client asks a token for, and what a token grants. */
export type Grant =
  | {
      readonly type: 'repository';
      readonly name: RepositoryName;
      readonly actions: readonly RepositoryAction[];
    }
  | {
      readonly type: 'registry';
      /** `accounts`: what the management API lets its user do. */
      readonly name: 'catalog' | 'accounts';
      readonly actions: readonly ['*'];
    };

const repositoryActions: readonly RepositoryAction[] = ['pull', 'push', 'delete'];

/** More scopes than this in one request are ignored: a mount needs two, and a token has to fit into a header. */
const mostScopes = 20;

/**
 * Reads the scopes of a token request: `repository:<name>:<actions>`, `registry:catalog:*` and our own
 * `registry:accounts:*`, each parameter with
 * one or several, separated by spaces (Docker's token specification). What we don't know is left out, because a
 * token must be given for the rest.
 */
export function parseScopes(parameters: readonly string[]): readonly Grant[] {
  const grants = parameters
    .flatMap((parameter) => parameter.split(' ', mostScopes))
    .slice(0, mostScopes)
    .map(parseScope);
  return grants.filter((grant) => grant !== undefined);
}

function parseScope(text: string): Grant | undefined {
  // The name may hold a colon, as in host:port/name.
  const first = text.indexOf(':');
  const last = text.lastIndexOf(':');
  if (first < 0 || first === last) return undefined;
  const [type, name, asked] = [
    text.slice(0, first),
    text.slice(first + 1, last),
    text.slice(last + 1).split(','),
  ];
  if (type === 'registry') {
    const isKnown = name === 'catalog' || name === 'accounts';
    return isKnown && asked.includes('*') ? { type, name, actions: ['*'] } : undefined;
  }
  if (type !== 'repository' || !isRepositoryName(name)) return undefined;
  const actions = repositoryActions.filter((action) => asked.includes(action) || asked.includes('*'));
  return { type, name, actions };
}

/** The scope that a challenge names. */
export function formatScope(grant: Grant): string {
  return `${grant.type}:${grant.name}:${grant.actions.join(',')}`;
}
