// Pages by number, as ThingPark has them: `page` and `perPage`, and headers that lead to the others.
import type { FastifyReply, FastifyRequest } from 'fastify';
import Type from 'typebox';

export const PAGE_FIELDS = {
  page: Type.Optional(Type.Integer({ minimum: 1, maximum: 1_000_000, default: 1, description: 'From 1.' })),
  perPage: Type.Optional(Type.Integer({ minimum: 1, maximum: 100, default: 20 })),
};

export function sendPageHeaders(
  request: FastifyRequest,
  reply: FastifyReply,
  { page, perPage, total }: { readonly page: number; readonly perPage: number; readonly total: number },
): void {
  const last = Math.max(1, Math.ceil(total / perPage));
  const links: string[] = [];
  const link = (rel: string, to: number): void => {
    const [path, query = ''] = request.url.split('?', 2);
    const parameters = new URLSearchParams(query);
    parameters.set('page', String(to));
    parameters.set('perPage', String(perPage));
    links.push(`<${path}?${parameters}>; rel="${rel}"`);
  };
  const previous = page > 1 ? Math.min(page - 1, last) : null;
  const next = page < last ? page + 1 : null;
  if (previous !== null) link('prev', previous);
  if (next !== null) link('next', next);
  link('first', 1);
  link('last', last);
  reply.headers({
    link: links.join(', '),
    'x-total': String(total),
    'x-total-pages': String(last),
    'x-per-page': String(perPage),
    'x-page': String(page),
    ...(next === null ? {} : { 'x-next-page': String(next) }),
    ...(previous === null ? {} : { 'x-prev-page': String(previous) }),
  });
}
