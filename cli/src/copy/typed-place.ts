import { quote } from '@img/spec/quote';
import type { Reference } from '@img/spec/reference';
import { isTag, type Tag } from '@img/spec/tag';
import { CliError } from '../cli-error.ts';
import type { Config } from '../config/config.ts';
import { typedReference } from '../host/typed-reference.ts';

/** Where somebody wants to copy an image from or to. */
export type TypedPlace = NamedPlace | FilePlace;

export type NamedPlace = { readonly kind: 'registry' | 'host'; readonly reference: Reference };

/** An image layout in a folder, or an archive in a file. */
export type FilePlace = {
  readonly kind: 'oci' | 'oci-archive' | 'docker-archive';
  readonly path: string;
  readonly tag: Tag | undefined;
};

/** What may stand before a place, for help texts. */
export const placeHelp = `
A place is one of
  NAME[:TAG]                  in a registry
  host:NAME[:TAG]             on this host
  oci:FOLDER[:TAG]            an image layout in a folder
  oci-archive:FILE[:TAG]      an image layout in one file
  docker-archive:FILE[:TAG]   what docker save writes; only to copy from`;

/** @throws CliError USAGE */
export function typedPlace(text: string, config: Config): TypedPlace {
  const [, kind, rest = ''] = /^(oci|oci-archive|docker-archive|host):(.*)$/s.exec(text) ?? [];
  if (kind === undefined) return { kind: 'registry', reference: typedReference(text, config) };
  if (kind === 'host') return { kind, reference: typedReference(rest, config) };
  const colon = rest.lastIndexOf(':');
  // Paths may have colons, too; what follows the last one of a path is hardly ever a tag.
  const end = colon < 0 ? '' : rest.slice(colon + 1);
  const [path, tag] = isTag(end) ? [rest.slice(0, colon), end] : [rest, undefined];
  if (path === '') {
    throw new CliError('USAGE', `${quote(text)} names no file or folder`, {
      hint: `write ${kind}:PATH or ${kind}:PATH:TAG`,
    });
  }
  return { kind: kind as FilePlace['kind'], path, tag };
}
