/** The fields of a hand-made tar member; everything that a hostile writer may want to set. */
export type TarBytes = {
  readonly path?: string | Uint8Array;
  readonly type?: string;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** Written into the header; the length of the content unless given. */
  readonly size?: number;
  readonly mtime?: number;
  readonly link?: string | Uint8Array;
  readonly device?: readonly [major: number, minor: number];
  readonly content?: string | Uint8Array;
  /** The bytes at 257: `ustar` of POSIX unless given. */
  readonly magic?: string;
  readonly prefix?: string;
  /** Raw bytes written over the header, by offset, before the checksum. */
  readonly raw?: { readonly [offset: number]: string | Uint8Array };
};

/** An archive of hand-made members, with its two closing blocks. */
export function tarArchive(...members: readonly (TarBytes | Uint8Array)[]): Buffer {
  return Buffer.concat([
    ...members.map((member) => (member instanceof Uint8Array ? member : tarMemberBytes(member))),
    Buffer.alloc(1024),
  ]);
}

/** One member: header, content, padding. */
export function tarMemberBytes(member: TarBytes): Buffer {
  const content = Buffer.from(member.content ?? '');
  const header = Buffer.alloc(512);
  Buffer.from(member.path ?? 'file').copy(header, 0, 0, 100);
  octal(header, 100, 8, member.mode ?? 0o644);
  octal(header, 108, 8, member.uid ?? 0);
  octal(header, 116, 8, member.gid ?? 0);
  octal(header, 124, 12, member.size ?? content.length);
  octal(header, 136, 12, member.mtime ?? 0);
  header.write(member.type ?? '0', 156, 'latin1');
  Buffer.from(member.link ?? '').copy(header, 157, 0, 100);
  header.write(member.magic ?? 'ustar\u000000', 257, 'latin1');
  octal(header, 329, 8, member.device?.[0] ?? 0);
  octal(header, 337, 8, member.device?.[1] ?? 0);
  header.write(member.prefix ?? '', 345, 155, 'utf8');
  for (const [offset, bytes] of Object.entries(member.raw ?? {})) {
    Buffer.from(bytes as string, 'latin1').copy(header, Number(offset));
  }
  writeChecksum(header);
  return Buffer.concat([header, content, Buffer.alloc((512 - (content.length % 512)) % 512)]);
}

/** A PAX header for the member after it; a value may be any bytes. */
export function paxHeader(
  records: readonly (readonly [key: string, value: string | Uint8Array])[],
  type: 'x' | 'g' = 'x',
): Buffer {
  const content = Buffer.concat(records.map(([key, value]) => paxRecord(key, value)));
  return tarMemberBytes({ path: 'PaxHeaders/0', type, content });
}

/** A GNU header with a long name (`L`) or a long link target (`K`). */
export function gnuLongName(type: 'L' | 'K', name: string): Buffer {
  return tarMemberBytes({ path: '././@LongLink', type, content: `${name}\0`, magic: 'ustar  \0' });
}

export function writeChecksum(header: Buffer): void {
  header.fill(' ', 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
}

function octal(header: Buffer, at: number, length: number, value: number): void {
  if (value >= 0 && value < 8 ** (length - 1)) {
    header.write(value.toString(8).padStart(length - 1, '0'), at, 'latin1');
    return;
  }
  // Base 256 with the first bit set.
  let rest = BigInt.asUintN(length * 8, BigInt(value));
  for (let index = length - 1; index >= 0; index -= 1) {
    header[at + index] = Number(rest & 0xffn);
    rest >>= 8n;
  }
  header[at] = (header[at] ?? 0) | 0x80;
}

function paxRecord(key: string, value: string | Uint8Array): Buffer {
  const rest = Buffer.concat([Buffer.from(` ${key}=`), Buffer.from(value as string), Buffer.from('\n')]);
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length) length = String(length).length + rest.length;
  return Buffer.concat([Buffer.from(String(length)), rest]);
}
