import { parseJson } from '@img/spec/json';
import { JsonFields } from '@img/spec/json-fields';
import { limits } from '@img/spec/limits';
import { RegistryError } from '../registry-error.ts';
import type { RegistryConnection } from './connection.ts';
import { Pages } from './pages.ts';
import { readBody } from './read-body.ts';
import { withRetries } from './retry.ts';
import type { Scope } from './scope.ts';

export type NameList = {
  readonly connection: RegistryConnection;
  /** What is being done, for messages. */
  readonly what: string;
  readonly path: string;
  readonly scopes: readonly Scope[];
  /** The key of the list in the answer's JSON. */
  readonly key: 'tags' | 'repositories';
  /** The name after which the list begins; at its beginning if absent. */
  readonly after?: string | undefined;
  readonly signal?: AbortSignal | undefined;
};

const namesPerPage = 1000;

/**
 * Lists tags or repositories, page by page as they are read; nothing for a repository that doesn't exist.
 *
 * @throws RegistryError ANSWER_INVALID, LINK_REFUSED and what requests throw
 */
export async function* listNames(list: NameList): AsyncGenerator<string> {
  const pages = new Pages(list.what);
  const last = list.after === undefined ? '' : `&last=${encodeURIComponent(list.after)}`;
  let target: string | URL | undefined = `${list.path}?n=${namesPerPage}${last}`;
  while (target !== undefined) {
    const page: Page = await getPage(list, target, pages);
    yield* page.names;
    target = page.next;
  }
}

type Page = { readonly names: readonly string[]; readonly next: URL | undefined };

async function getPage(
  { connection, what, scopes, key, signal }: NameList,
  target: string | URL,
  pages: Pages,
): Promise<Page> {
  return await withRetries(connection.retry, signal, async () => {
    const answer = await connection.request({
      what,
      method: 'GET',
      target,
      scopes,
      accept: [200, 404],
      isRetried: false,
      signal,
    });
    if (answer.status === 404) {
      await answer.discard();
      return { names: [], next: undefined };
    }
    const bytes = await readBody(answer, limits.listBodyBytes, what);
    return { names: namesFrom(bytes, key, what), next: pages.next(answer) };
  });
}

function namesFrom(bytes: Uint8Array, key: string, what: string): readonly string[] {
  try {
    const body = new JsonFields(
      parseJson(bytes, { maxBytes: limits.listBodyBytes }),
      'answer',
      'JSON_INVALID',
    );
    // Some registries write null for an empty list.
    return body.optionalStrings(key, Number.POSITIVE_INFINITY, limits.nameCharacters) ?? [];
  } catch (cause) {
    throw new RegistryError('ANSWER_INVALID', `could not ${what}: ${(cause as Error).message}`, { cause });
  }
}
