import { type Digest, digestHex } from '@img/spec/digest';
import type { JsonObject } from '@img/spec/json';
import type { FoundPackage, Inventory } from './inventory.ts';
import { purlOf } from './purl.ts';

/** What a bill of materials is about. */
export type BilledImage = {
  readonly name: string;
  /** Of the image's own manifest. */
  readonly digest: Digest;
  /** When it was made; RFC 3339. */
  readonly created: string | undefined;
  readonly inventory: Inventory;
  /** Name and version of the tool that makes it: `img 1.0.0`. */
  readonly tool: { readonly name: string; readonly version: string };
};

const unknown = 'NOASSERTION';
// Bills of one image are the same whenever they are made.
const epoch = '1970-01-01T00:00:00Z';

/** A document of SPDX 2.3 (spdx.github.io/spdx-spec/v2.3). */
export function spdxDocument({ name, digest, created, inventory, tool }: BilledImage): JsonObject {
  const packages = inventory.packages.map((found, index) => ({ found, id: `SPDXRef-Package-${index + 1}` }));
  return {
    spdxVersion: 'SPDX-2.3',
    dataLicense: 'CC0-1.0',
    SPDXID: 'SPDXRef-DOCUMENT',
    name,
    documentNamespace: `urn:img:spdx:${digest}`,
    creationInfo: { created: secondsOnly(created), creators: [`Tool: ${tool.name}-${tool.version}`] },
    packages: [
      {
        SPDXID: 'SPDXRef-Image',
        name,
        versionInfo: digest,
        primaryPackagePurpose: 'CONTAINER',
        ...undecided,
        checksums: [{ algorithm: 'SHA256', checksumValue: digestHex(digest) }],
      },
      ...packages.map(({ found, id }) => spdxPackage(found, id, inventory)),
    ],
    relationships: [
      {
        spdxElementId: 'SPDXRef-DOCUMENT',
        relationshipType: 'DESCRIBES',
        relatedSpdxElement: 'SPDXRef-Image',
      },
      ...packages.map(({ id }) => {
        return { spdxElementId: 'SPDXRef-Image', relationshipType: 'CONTAINS', relatedSpdxElement: id };
      }),
    ],
  };
}

const undecided = {
  downloadLocation: unknown,
  filesAnalyzed: false,
  licenseConcluded: unknown,
  licenseDeclared: unknown,
  copyrightText: unknown,
} as const;

function spdxPackage(found: FoundPackage, id: string, { system }: Inventory): JsonObject {
  const { name, version, part, source, path, layer } = found;
  const from = source === undefined ? '' : `built from ${source}; `;
  const locator = purlOf(found, system);
  return {
    SPDXID: id,
    name,
    ...(version === '' ? {} : { versionInfo: version }),
    ...undecided,
    sourceInfo: `${from}described by /${path} in layer ${layer}`,
    ...(part === undefined ? {} : { comment: `only the part ${part} of the package: ${name}/${part}` }),
    externalRefs: [
      { referenceCategory: 'PACKAGE-MANAGER', referenceType: 'purl', referenceLocator: locator },
    ],
  };
}

/** A document of CycloneDX 1.6 (cyclonedx.org/docs/1.6/json). */
export function cycloneDxDocument({ name, digest, created, inventory, tool }: BilledImage): JsonObject {
  const { packages, system } = inventory;
  return {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    serialNumber: `urn:uuid:${uuidOf(digest)}`,
    version: 1,
    metadata: {
      timestamp: secondsOnly(created),
      tools: { components: [{ type: 'application', name: tool.name, version: tool.version }] },
      component: {
        type: 'container',
        'bom-ref': 'image',
        name,
        version: digest,
        hashes: [{ alg: 'SHA-256', content: digestHex(digest) }],
      },
    },
    components: packages.map((found, index) => ({
      type: 'library',
      'bom-ref': `package-${index + 1}`,
      name: found.name,
      ...(found.version === '' ? {} : { version: found.version }),
      purl: purlOf(found, system),
      properties: [
        { name: 'img:layer', value: found.layer },
        { name: 'img:path', value: `/${found.path}` },
        ...(found.part === undefined ? [] : [{ name: 'img:part', value: found.part }]),
        ...(found.source === undefined ? [] : [{ name: 'img:source', value: found.source }]),
      ],
    })),
    dependencies: [{ ref: 'image', dependsOn: packages.map((_, index) => `package-${index + 1}`) }],
  };
}

function secondsOnly(time: string | undefined): string {
  if (time === undefined) return epoch;
  const parsed = new Date(time);
  return Number.isNaN(parsed.getTime()) ? epoch : `${parsed.toISOString().slice(0, 19)}Z`;
}

/** A UUID of version 8 (RFC 9562): 122 bits of the digest. */
function uuidOf(digest: Digest): string {
  const hex = digestHex(digest);
  const variant = ((Number.parseInt(hex[16] ?? '0', 16) & 0x3) | 0x8).toString(16);
  return [
    hex.slice(0, 8),
    hex.slice(8, 12),
    `8${hex.slice(13, 16)}`,
    `${variant}${hex.slice(17, 20)}`,
    hex.slice(20, 32),
  ].join('-');
}
