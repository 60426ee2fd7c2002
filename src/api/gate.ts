// What the public port asks of every request before any route sees it: the name it was addressed by, how often, and whether a page
// of another site sends it. And the headers that every answer carries.
import type { FastifyReply, FastifyRequest } from 'fastify';
import { network } from '../domain/network.ts';
import type { ApiApp } from './app.ts';
import { Refusal } from './problem.ts';

export interface GateOptions {
  /**
   * In small letters, without port. Against DNS rebinding, where a name of the attacker's leads to this machine, and the browser
   * takes their page for one of ours.
   */
  readonly mayBeAddressedAs: (name: string) => boolean;
  /** Names beyond those of the loopback interface, on any port: what a proxy in front is addressed by. */
  readonly ownNames: readonly string[];
  readonly corsOrigins: ReadonlySet<string>;
  /** Takes one request of a client address: 0, or ms until the next is taken. */
  readonly takeRequest: (address: string) => number;
  /** The client's connection is encrypted, here or by the proxy in front. */
  readonly isEncrypted: boolean;
}

const SAFE = new Set(['GET', 'HEAD', 'OPTIONS']);
const HEALTH = /^\/health\//;
/** An answer is data, not a page. The pages of the bridge say themselves what they load. */
const NOTHING = "default-src 'none'; object-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";
const ALLOWED_HEADERS = 'authorization, content-type, if-match, if-none-match, idempotency-key, last-event-id';
const EXPOSED_HEADERS =
  'etag, location, retry-after, link, x-total, x-total-pages, x-per-page, x-page, x-next-page, x-prev-page, x-next-cursor, www-authenticate';

export function addGate(app: ApiApp, options: GateOptions): void {
  app.addHook('onRequest', async (request, reply) => {
    setHeaders(reply, options);
    const isHealth = HEALTH.test(request.url);
    // Probes address a container by its number. They learn nothing but that it lives.
    if (!isHealth) checkHost(request, options);
    const waitMs = isHealth ? 0 : options.takeRequest(network(request.ip));
    if (waitMs > 0) {
      const retryAfter = String(Math.ceil(waitMs / 1000));
      throw new Refusal(429, `Too many requests; the next one in ${retryAfter} s`, {
        headers: { 'retry-after': retryAfter },
      });
    }
    const { origin } = request.headers;
    const isListed = origin !== undefined && options.corsOrigins.has(origin);
    if (origin !== undefined && options.corsOrigins.size > 0) addCors(reply, isListed ? origin : null);
    if (isListed && request.method === 'OPTIONS') return reply.code(204).send();
    if (!SAFE.has(request.method) && !isListed) checkOrigin(request, options);
  });
}

/** On the raw answer, so that streams that write their own head have them too. Routes may set others in their place. */
function setHeaders({ raw }: FastifyReply, { isEncrypted }: GateOptions): void {
  raw.setHeader('x-content-type-options', 'nosniff');
  raw.setHeader('x-frame-options', 'DENY');
  raw.setHeader('content-security-policy', NOTHING);
  raw.setHeader('referrer-policy', 'no-referrer');
  raw.setHeader('cross-origin-resource-policy', 'same-origin');
  raw.setHeader('cross-origin-opener-policy', 'same-origin');
  if (isEncrypted) raw.setHeader('strict-transport-security', 'max-age=31536000; includeSubDomains');
}

function addCors({ raw }: FastifyReply, origin: string | null): void {
  raw.setHeader('vary', 'origin');
  if (origin === null) return;
  // No cookies: such pages come with a token.
  raw.setHeader('access-control-allow-origin', origin);
  raw.setHeader('access-control-allow-methods', 'GET, HEAD, POST, PUT, PATCH, DELETE');
  raw.setHeader('access-control-allow-headers', ALLOWED_HEADERS);
  raw.setHeader('access-control-expose-headers', EXPOSED_HEADERS);
  raw.setHeader('access-control-max-age', '600');
  raw.setHeader('cross-origin-resource-policy', 'cross-origin');
}

/** The header as it came: a page that got here by rebinding could add `X-Forwarded-Host`, but not change `Host`. */
function checkHost({ headers }: FastifyRequest, { mayBeAddressedAs }: GateOptions): void {
  const name = nameOf(headers.host ?? '');
  if (name !== null && mayBeAddressedAs(name)) return;
  throw new Refusal(
    421,
    `This bridge is not addressed by the name ${JSON.stringify((headers.host ?? '').slice(0, 100))}; http.hosts lists others`,
  );
}

/**
 * Cookies are not the only thing that a browser adds by itself: on the loopback interface without users the place is the right.
 * Browsers name the origin of every unsafe request; programs name none.
 */
function checkOrigin(request: FastifyRequest, { ownNames }: GateOptions): void {
  const { origin, host = '' } = request.headers;
  const site = request.headers['sec-fetch-site'];
  if (origin === undefined) {
    if (site === undefined || site === 'same-origin' || site === 'none') return;
  } else if (URL.canParse(origin)) {
    const { host: theirs, hostname } = new URL(origin);
    // `request.host` is what a trusted proxy was addressed by.
    if (theirs === host.toLowerCase() || theirs === request.host.toLowerCase() || ownNames.includes(hostname)) return;
  }
  throw new Refusal(403, 'A page of another site may not do this; http.corsOrigins lists those that may');
}

function nameOf(host: string): string | null {
  return /^(\[[0-9a-f:.]+\]|[^:[\]/@\s]+)(:\d{1,5})?$/i.exec(host)?.[1]?.toLowerCase() ?? null;
}
