import { ProtocolError } from '@img/spec/protocol-error';
import type { Context } from 'koa';
import { readBody } from '../server/http/request-body.ts';
import type { Services } from '../server/services.ts';
import type { Visitor } from './visitor.ts';

const formBytes = 16 * 1024;

/**
 * Reads a form that a page of ours sent: the browser says where it is from, and where its user is logged in it
 * brings what only our own pages have.
 *
 * @throws ProtocolError DENIED for forms of other sites
 */
export async function readForm(
  ctx: Context,
  services: Services,
  { csrf }: Visitor,
): Promise<URLSearchParams> {
  if (!isFromHere(ctx, services)) throw new ProtocolError('DENIED', 'the form is of another site');
  const bytes = await readBody(ctx, formBytes, services.limits);
  const form = new URLSearchParams(new TextDecoder().decode(bytes));
  if (csrf !== undefined && form.get('csrf') !== csrf) {
    throw new ProtocolError('DENIED', 'the form is of an earlier log-in; go back and load its page again');
  }
  return form;
}

function isFromHere(ctx: Context, { publicUrl }: Services): boolean {
  const origin = ctx.get('Origin');
  return origin !== '' && origin === (publicUrl ?? `${ctx.protocol}://${ctx.host}`);
}
