// `/openapi.json`: what the routes say of themselves, as OpenAPI 3.1.
import Type from 'typebox';
import type { ApiApp, RouteInfo } from './app.ts';
import { openApiDocument } from './openapi.ts';
import type { ApiPorts } from './routes.ts';

export function openApiRoutes(app: ApiApp, { version }: Pick<ApiPorts, 'version'>, routes: readonly RouteInfo[]): void {
  let document: string | null = null;
  app.get(
    '/openapi.json',
    {
      config: { right: 'status:read' },
      schema: {
        tags: ['About'],
        summary: 'This document',
        response: { 200: Type.Record(Type.String(), Type.Unknown()) },
      },
    },
    async (_request, reply) => {
      document ??= JSON.stringify(openApiDocument(routes, version));
      return reply
        .type('application/json')
        .serializer((text: string) => text)
        .send(document);
    },
  );
}
