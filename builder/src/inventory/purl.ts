import type { FoundPackage, Inventory } from './inventory.ts';

/** The package URL of a package (github.com/package-url/purl-spec). */
export function purlOf(found: FoundPackage, system: Inventory['system']): string {
  const { type, version, architecture } = found;
  const parts = nameParts(found, system).map(encodeURIComponent);
  const qualifiers = [
    ...(architecture === undefined ? [] : [`arch=${encodeURIComponent(architecture)}`]),
    ...(system === undefined || (type !== 'deb' && type !== 'apk')
      ? []
      : [`distro=${encodeURIComponent([system.id, system.version].filter(Boolean).join('-'))}`]),
  ];
  const behind = version === '' ? '' : `@${encodeURIComponent(version)}`;
  // A jar's name doesn't tell the group that Maven knows it by.
  return `pkg:${type === 'jar' ? 'generic' : type}/${parts.join('/')}${behind}${qualifiers.length === 0 ? '' : `?${qualifiers.join('&')}`}`;
}

function nameParts({ type, name }: FoundPackage, system: Inventory['system']): readonly string[] {
  switch (type) {
    case 'deb':
      return [system?.id ?? 'debian', name];
    case 'apk':
      return [system?.id ?? 'alpine', name];
    case 'npm':
      return name.split('/');
    case 'pypi':
      return [name.toLowerCase().replaceAll('_', '-')];
    case 'jar':
      return [name];
  }
}
