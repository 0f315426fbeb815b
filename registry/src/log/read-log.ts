import { encodeEntries, parseTilePath, tileHashCount, tileWidth } from '@img/sign/log/tile';
import { hashBytes } from '@img/sign/log/tree-hash';
import { ProtocolError } from '@img/spec/protocol-error';
import { quote } from '@img/spec/quote';
import type { Context } from 'koa';
import { listEntries, readTile } from '../metadata/log/entries.ts';
import type { LogRow } from '../metadata/log/logs.ts';
import type { Services } from '../server/services.ts';

/** `GET <log>/checkpoint`: what the log says it has. */
export async function readCheckpoint(ctx: Context, { checkpoint }: LogRow): Promise<void> {
  ctx.body = checkpoint;
  ctx.set({ 'Content-Type': 'text/plain; charset=utf-8', 'Cache-Control': 'no-cache' });
}

/** `GET <log>/tile/…`: hashes, or entries. What there is of a tile never changes. */
export async function readTileOf(
  ctx: Context,
  { database }: Services,
  log: LogRow,
  path: string,
): Promise<void> {
  const tile = parseTilePath(path);
  if (tile === undefined) throw new ProtocolError('NAME_UNKNOWN', `${quote(path)} is no tile of a log`);
  const { level, index, width } = tile;
  const begin = index * tileWidth;
  const count = tileHashCount(level === 'entries' ? 0 : level, log.size);
  if (begin + width > count) throw new ProtocolError('NAME_UNKNOWN', `the log has no ${path} yet`);
  const bytes =
    level === 'entries'
      ? encodeEntries(await listEntries(database, log.id, { begin, end: begin + width }))
      : (await readTile(database, log.id, { level, index }))?.subarray(0, width * hashBytes);
  ctx.body = Buffer.from(bytes ?? []);
  ctx.set({ 'Content-Type': 'application/octet-stream', 'Cache-Control': 'max-age=31536000, immutable' });
}
