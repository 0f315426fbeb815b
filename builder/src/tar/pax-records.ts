import { Buffer } from 'node:buffer';

/** A keyword of a pax extended header and its value; values may be any bytes (POSIX pax, "Extended Header"). */
export type PaxRecord = readonly [keyword: string, value: string | Uint8Array];

/**
 * The body of a pax extended header: each record is `length keyword=value\n`, where length counts the whole
 * record in bytes, its own digits included.
 */
export function encodePaxRecords(records: readonly PaxRecord[]): Uint8Array {
  return Buffer.concat(records.map(encodeRecord));
}

function encodeRecord([keyword, value]: PaxRecord): Uint8Array {
  const rest = Buffer.concat([Buffer.from(` ${keyword}=`), Buffer.from(value), Buffer.from('\n')]);
  let length = rest.byteLength;
  // Writing the length makes the record longer, which can add a digit once.
  while (length !== rest.byteLength + String(length).length) length = rest.byteLength + String(length).length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}
