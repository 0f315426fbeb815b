import { type Digest, parseDigest } from '@img/spec/digest';
import type { JsonFields } from '@img/spec/json-fields';
import { quote } from '@img/spec/quote';
import { RuntimeError } from '../runtime-error.ts';
import { encodeCheckedJson, parseCheckedJson } from '../state/checked-json.ts';
import { identityFrom } from '../state/container-record.ts';
import type { AppDefinition } from './app-definition.ts';
import type { AppState, GenerationNumber, Verdict } from './app-state.ts';
import { parseDefinition } from './parse-definition.ts';

/** What an app was, is or shall be; never changed once it is written. */
export type Generation = {
  readonly number: GenerationNumber;
  /** RFC 3339. */
  readonly created: string;
  /** Where the image came from, in full and with a tag. */
  readonly source: string;
  readonly digest: Digest;
  /** Names of those who had signed it. */
  readonly signers: readonly string[];
  /** The number of the signal that ends it, as its image says. */
  readonly stopSignal: number;
  readonly definition: AppDefinition;
};

const maxBytes = 256 * 1024;
const maxItems = 256;
const maxGeneration = 999_999_999;

/** @throws RuntimeError STATE_INVALID */
export function parseGeneration(bytes: Uint8Array, path: string): Generation {
  return parsed(bytes, path, (fields) => ({
    number: fields.integer('number', 1, maxGeneration),
    created: fields.string('created'),
    source: fields.string('source'),
    digest: parseDigest(fields.string('digest')),
    signers: fields.optionalStrings('signers', maxItems) ?? [],
    stopSignal: fields.integer('stopSignal', 1, 64),
    definition: parseDefinition(fields.object('definition')),
  }));
}

/** @throws RuntimeError STATE_INVALID */
export function parseAppState(bytes: Uint8Array, path: string): AppState {
  return parsed(bytes, path, (fields) => {
    const trial = fields.optionalObject('trial');
    const verdicts = fields.optionalObject('verdicts');
    const appliedFrom = fields.optionalString('appliedFrom');
    return {
      current: fields.integer('current', 1, maxGeneration),
      ...(trial !== undefined && {
        trial: {
          previous: trial.integer('previous', 1, maxGeneration),
          updater: identityFrom(trial.object('updater')),
        },
      }),
      verdicts: Object.fromEntries(
        (verdicts?.keys() ?? []).map((number) => [number, verdictFrom(verdicts?.object(number))]),
      ),
      isPinned: fields.optionalBoolean('isPinned') ?? false,
      ...(appliedFrom === undefined ? {} : { appliedFrom }),
      seen: fields.optionalStringMap('seen') ?? {},
    };
  });
}

function verdictFrom(fields: JsonFields | undefined): Verdict {
  const verdict = fields?.string('verdict');
  if (verdict !== 'good' && verdict !== 'bad') throw new Error(`unknown verdict ${quote(verdict ?? '')}`);
  const reason = fields?.optionalString('reason');
  return {
    verdict,
    ...(reason === undefined ? {} : { reason }),
    time: fields?.optionalTimestamp('time') ?? '',
  };
}

function parsed<Value>(bytes: Uint8Array, path: string, read: (fields: JsonFields) => Value): Value {
  try {
    return read(parseCheckedJson(bytes, 'app', maxBytes));
  } catch (cause) {
    throw new RuntimeError('STATE_INVALID', `${quote(path)} is damaged: ${(cause as Error).message}`, {
      cause,
      hint: 'img uninstall removes the app, so that it can be installed again',
    });
  }
}

export function encodeAppFile(content: Generation | AppState): string {
  return encodeCheckedJson(content);
}
