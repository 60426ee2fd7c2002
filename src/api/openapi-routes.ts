// `/openapi.json`: what the routes say of themselves, as OpenAPI 3.1; `/docs`: the same for people.
import Type from 'typebox';
import type { ApiApp, RouteInfo } from './app.ts';
import { DOCS_CSP, DOCS_STYLE, docsPage } from './docs-page.ts';
import { openApiDocument } from './openapi.ts';
import type { ApiPorts } from './routes.ts';

const tags = ['About'];
const asItIs = (text: string): string => text;

export function openApiRoutes(app: ApiApp, { version }: Pick<ApiPorts, 'version'>, routes: readonly RouteInfo[]): void {
  let made: { readonly json: string; readonly html: string } | null = null;
  const document = () => {
    if (made !== null) return made;
    const content = openApiDocument(routes, version);
    made = { json: JSON.stringify(content), html: docsPage(content, app.prefix) };
    return made;
  };

  app.get(
    '/openapi.json',
    {
      config: { right: 'status:read' },
      schema: { tags, summary: 'This document', response: { 200: Type.Record(Type.String(), Type.Unknown()) } },
    },
    async (_request, reply) => reply.type('application/json').serializer(asItIs).send(document().json),
  );

  app.get(
    '/docs',
    {
      config: { right: 'status:read', produces: ['text/html'] },
      schema: { tags, summary: 'This document as a page', response: { 200: Type.String() } },
    },
    async (_request, reply) => {
      const { html } = document();
      return reply
        .header('content-security-policy', DOCS_CSP)
        .type('text/html; charset=utf-8')
        .serializer(asItIs)
        .send(html);
    },
  );

  app.get(
    '/docs/style.css',
    {
      config: { right: 'status:read', produces: ['text/css'], hidden: true },
      schema: { response: { 200: Type.String() } },
    },
    async (_request, reply) => reply.type('text/css; charset=utf-8').serializer(asItIs).send(DOCS_STYLE),
  );
}
