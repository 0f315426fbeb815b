import { type Digest, parseDigest } from '@img/spec/digest';
import type { JsonFields } from '@img/spec/json-fields';
import { quote } from '@img/spec/quote';
import { type InsecureItem, parseInsecureItem } from '../config/insecure-item.ts';
import { type ProfileName, profileNames } from '../config/profile.ts';
import { RuntimeError } from '../runtime-error.ts';
import { encodeCheckedJson, parseCheckedJson } from './checked-json.ts';
import { type ContainerName, parseContainerName } from './container-name.ts';
import type { ProcessIdentity } from './process-identity.ts';

/** What starts containers here: two runtimes of the OCI, and systemd-nspawn. */
export const runtimeNames = ['crun', 'runc', 'nspawn'] as const;

export type RuntimeName = (typeof runtimeNames)[number];

/** What a host remembers of a container while it runs. */
export type ContainerRecord = {
  /** 16 hex characters. */
  readonly id: string;
  /** What the caller calls it; no other container of this host has the same. */
  readonly name?: ContainerName;
  /** The image as the caller wrote it, in full. */
  readonly reference: string;
  readonly digest: Digest;
  /** Names from the local keyring of those whose signatures counted. */
  readonly signers: readonly string[];
  /** The rule of the trust policy by which it may run, for people; absent if it was given up. */
  readonly rule?: string;
  /** How it is kept apart from the host. */
  readonly profile: ProfileName;
  /** What of it, and of the image's trust, the caller gave up. */
  readonly insecure: readonly InsecureItem[];
  readonly runtime: RuntimeName;
  /** The number of the signal that ends the app. */
  readonly stopSignal: number;
  /** The process that the container lives and ends with: first `img`, then the runtime in its place, or conmon. */
  readonly supervisor: ProcessIdentity;
  /**
   * What becomes of one that runs on without its caller when it ends: `kept` stays with its output and its exit code
   * until somebody removes it or the host is switched off. Absent if the caller waits for it.
   */
  readonly detached?: 'kept' | 'removed';
  /** The `img` that starts a detached one, in whose place nothing comes. */
  readonly launcher?: ProcessIdentity;
  /** The unit of systemd that it belongs to, which takes its exit code and its output. */
  readonly unit?: UnitMembership;
  /** What of the network `bridge` is its own; absent if it is not in that. */
  readonly networkId?: string;
  /** Whether it has no control group of its own, because its user can't make one. */
  readonly isUngrouped?: true;
  /** RFC 3339. */
  readonly started: string;
};

/** A unit of systemd. */
export type UnitMembership = {
  /** Such as `img-web.service`. */
  readonly name: string;
  /** Its control group, which is the container's, below the root of each hierarchy. */
  readonly controlGroup: string;
};

/** The control group of a container, below the root of each hierarchy. */
export function controlGroupOf({ id, unit }: Pick<ContainerRecord, 'id' | 'unit'>): string {
  return unit?.controlGroup ?? `img-${id}`;
}

const maxBytes = 64 * 1024;
const maxItems = 256;

/** @throws RuntimeError STATE_INVALID */
export function parseContainerRecord(bytes: Uint8Array, path: string): ContainerRecord {
  try {
    const fields = parseCheckedJson(bytes, 'record', maxBytes);
    const launcher = fields.optionalObject('launcher');
    const runtimeText = fields.string('runtime');
    const runtime = runtimeNames.find((known) => known === runtimeText);
    const name = fields.optionalString('name');
    const rule = fields.optionalString('rule');
    // Containers of earlier versions have none.
    const profileText = fields.optionalString('profile') ?? 'app';
    const profile = profileNames.find((known) => known === profileText);
    if (profile === undefined) throw new Error(`unknown profile ${quote(profileText)}`);
    const detached = fields.optionalString('detached');
    const unit = fields.optionalObject('unit');
    const networkId = fields.optionalString('networkId');
    if (networkId !== undefined) parseContainerId(networkId);
    if (detached !== undefined && detached !== 'kept' && detached !== 'removed') {
      throw new Error(`unknown end ${quote(detached)}`);
    }
    if (runtime === undefined) throw new Error(`unknown runtime ${quote(runtimeText)}`);
    return {
      id: parseContainerId(fields.string('id')),
      ...(name === undefined ? {} : { name: parseContainerName(name) }),
      reference: fields.string('reference'),
      digest: parseDigest(fields.string('digest')),
      signers: fields.optionalStrings('signers', maxItems) ?? [],
      ...(rule === undefined ? {} : { rule }),
      profile,
      insecure: (fields.optionalStrings('insecure', maxItems) ?? []).map(parseInsecureItem),
      runtime,
      stopSignal: fields.integer('stopSignal', 1, 64),
      supervisor: identityFrom(fields.object('supervisor')),
      ...(detached === undefined ? {} : { detached }),
      ...(launcher === undefined ? {} : { launcher: identityFrom(launcher) }),
      ...(unit === undefined ? {} : { unit: unitFrom(unit) }),
      ...(networkId === undefined ? {} : { networkId }),
      ...(fields.optionalBoolean('isUngrouped') === true ? { isUngrouped: true } : {}),
      started: fields.string('started'),
    };
  } catch (cause) {
    throw new RuntimeError(
      'STATE_INVALID',
      `${quote(path)} is no record of a container: ${(cause as Error).message}`,
      {
        cause,
      },
    );
  }
}

function unitFrom(fields: JsonFields): UnitMembership {
  return { name: fields.string('name'), controlGroup: fields.string('controlGroup') };
}

/** Reads a process from JSON. @throws SpecError */
export function identityFrom(fields: JsonFields): ProcessIdentity {
  return {
    pid: fields.integer('pid', 1),
    startTicks: fields.integer('startTicks', 0),
    bootId: fields.string('bootId'),
    pidNamespace: fields.string('pidNamespace'),
  };
}

export function encodeContainerRecord(record: ContainerRecord): string {
  return encodeCheckedJson(record);
}

export function isContainerId(text: string): boolean {
  return /^[0-9a-f]{16}$/.test(text);
}

function parseContainerId(text: string): string {
  if (!isContainerId(text)) throw new Error(`id ${quote(text)} should be 16 hex characters`);
  return text;
}
