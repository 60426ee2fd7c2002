// Every change by the API is noted in the audit, without a line of its own in any route: who asked what of which resource, from where,
// and whether it was done. Names of fields are noted, values never: they may be secrets.
import type { FastifyRequest } from 'fastify';
import type { Audit } from '../domain/ports/access.ts';
import type { ApiApp } from './app.ts';

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);
const MAX_NAMES = 20;

export function auditChanges(app: ApiApp, audit: Audit): void {
  app.addHook('onResponse', async (request, reply) => {
    const { principal, method } = request;
    const { config, url } = request.routeOptions;
    if (SAFE.has(method) || principal === null || config.audit !== undefined || url === undefined) return;
    const status = reply.statusCode;
    // What does not validate or is not there changes nothing and is no attempt at more than one may.
    if (status >= 400 && status !== 403) return;
    audit.note({
      who: principal.name,
      kind: principal.kind,
      action: `${method} ${url.replace(/^\/iot-flow\/v1/, '')}`,
      target: targetOf(request),
      outcome: status < 400 ? 'done' : 'refused',
      from: request.ip,
      detail: status < 400 ? fieldsOf(request.body) : null,
    });
  });
}

function targetOf({ params }: FastifyRequest): string | null {
  const values = Object.values((params ?? {}) as Record<string, string>).filter((value) => value !== '');
  return values.length === 0 ? null : values.join(' ');
}

/** The body has passed its schema, so its names are names of ours. */
function fieldsOf(body: unknown): string | null {
  if (typeof body !== 'object' || body === null || Array.isArray(body)) return null;
  const names = Object.entries(body).flatMap(([name, value]) =>
    name === 'configuration' && typeof value === 'object' && value !== null
      ? Object.keys(value).map((inner) => `configuration.${inner}`)
      : [name],
  );
  if (names.length === 0) return null;
  const rest = names.length > MAX_NAMES ? ` and ${names.length - MAX_NAMES} more` : '';
  return `fields: ${names.slice(0, MAX_NAMES).join(', ')}${rest}`;
}
