const reasons: { readonly [code: string]: string } = {
  ECONNREFUSED: 'nothing answers at this address',
  ECONNRESET: 'the connection was broken off',
  EAI_AGAIN: 'no name server can be reached',
  EHOSTUNREACH: 'there is no way to the server',
  ENETUNREACH: 'there is no network',
  ENOTFOUND: 'no server has this name',
  ETIMEDOUT: 'the server does not answer',
  UND_ERR_CONNECT_TIMEOUT: 'the server does not answer',
  UND_ERR_SOCKET: 'the connection was broken off',
};

/** Why a request brought no answer, in words; what the cause of fetch's TypeError says where there are none. */
export function networkReason(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = 'code' in error ? String(error.code) : '';
  if (Object.hasOwn(reasons, code)) return `${reasons[code]} (${code})`;
  return error.cause === undefined ? error.message : networkReason(error.cause);
}
