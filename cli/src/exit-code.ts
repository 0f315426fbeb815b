import { CodedError } from '@img/spec/coded-error';

/** How a command can end; `img run` ends as the app does. */
export const exitCodes = {
  done: 0,
  failed: 1,
  usage: 2,
  notTrusted: 3,
  notFound: 4,
  refused: 5,
  rolledBack: 10,
} as const;

export type ExitCode = (typeof exitCodes)[keyof typeof exitCodes];

/** For help texts, one line each. */
export const exitCodeHelp: readonly (readonly [code: ExitCode, meaning: string])[] = [
  [exitCodes.done, 'done'],
  [exitCodes.failed, 'failed'],
  [exitCodes.usage, 'wrong usage or configuration'],
  [exitCodes.notTrusted, 'the image is not trusted, or was changed'],
  [exitCodes.notFound, 'the image, container, key or identity was not found'],
  [exitCodes.refused, 'the registry refused'],
  [exitCodes.rolledBack, 'updated, was not healthy, and was rolled back'],
];

// Codes that are not here end with `failed`.
const byErrorCode: ReadonlyMap<string, ExitCode> = new Map<string, ExitCode>([
  ['APP_INVALID', exitCodes.usage],
  ['APPS_INVALID', exitCodes.usage],
  ['CONFIG_INVALID', exitCodes.usage],
  ['INSECURE_INVALID', exitCodes.usage],
  ['PROFILE_REFUSED', exitCodes.usage],
  ['USAGE', exitCodes.usage],
  ['LOCATION_INVALID', exitCodes.usage],
  ['DOCKERFILE_INVALID', exitCodes.usage],
  ['DOCKERFILE_MISSING', exitCodes.usage],
  ['POLICY_CONFLICT', exitCodes.usage],
  ['POLICY_INVALID', exitCodes.usage],
  ['RECIPE_INVALID', exitCodes.usage],
  ['RECIPE_MISSING', exitCodes.usage],
  ['RECIPE_UNKNOWN_KEY', exitCodes.usage],
  ['RECIPE_UNSUPPORTED', exitCodes.usage],
  ['ROOT_INVALID', exitCodes.usage],
  ['TRUST_POLICY_INVALID', exitCodes.usage],
  ['IMAGE_DAMAGED', exitCodes.notTrusted],
  ['LOG_INCONSISTENT', exitCodes.notTrusted],
  ['NOT_TRUSTED', exitCodes.notTrusted],
  ['ROOT_REFUSED', exitCodes.notTrusted],
  ['TRUST_MEMORY_INVALID', exitCodes.notTrusted],
  ['APP_UNKNOWN', exitCodes.notFound],
  ['CONTAINER_UNKNOWN', exitCodes.notFound],
  ['CONTENT_MISSING', exitCodes.notFound],
  ['FILE_UNKNOWN', exitCodes.notFound],
  ['GENERATION_UNKNOWN', exitCodes.notFound],
  ['IDENTITY_UNKNOWN', exitCodes.notFound],
  ['IMAGE_MISSING', exitCodes.notFound],
  ['KEY_UNKNOWN', exitCodes.notFound],
  ['MANIFEST_UNKNOWN', exitCodes.notFound],
  ['NAME_UNKNOWN', exitCodes.notFound],
  ['REFERENCE_UNKNOWN', exitCodes.notFound],
  ['SIGNATURE_UNKNOWN', exitCodes.notFound],
  ['TAG_UNKNOWN', exitCodes.notFound],
  ['UPDATE_ROLLED_BACK', exitCodes.rolledBack],
  ['ACCESS_DENIED', exitCodes.refused],
  ['DENIED', exitCodes.refused],
  ['LOGIN_FAILED', exitCodes.refused],
  ['REQUEST_REFUSED', exitCodes.refused],
  ['TAG_REFUSED', exitCodes.refused],
  ['TOKEN_REFUSED', exitCodes.refused],
  ['TOO_MANY_REQUESTS', exitCodes.refused],
  ['TOOMANYREQUESTS', exitCodes.refused],
  ['UNAUTHORIZED', exitCodes.refused],
  ['UNSUPPORTED', exitCodes.refused],
]);

/** How a command ends that failed with the error. */
export function exitCodeOf(error: unknown): ExitCode {
  if (!(error instanceof CodedError)) return exitCodes.failed;
  return byErrorCode.get(error.code) ?? exitCodes.failed;
}
