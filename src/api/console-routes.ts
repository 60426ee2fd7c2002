// The web console under /ui/: files that `npm run build:console` made. They hold no secrets, so they are open to all; what the
// pages show comes from the API, which asks who it is.
import { existsSync } from 'node:fs';
import path from 'node:path';
import fastifyStatic from '@fastify/static';
import type { FastifyReply } from 'fastify';
import Type from 'typebox';
import type { ApiApp } from './app.ts';
import { notFound } from './problem.ts';

const BUILT = path.resolve(import.meta.dirname, '../../dist/console');
/** Their names change with their content. */
const ASSETS = 'assets/';
const PAGE = 'index.html';
/** The one style element that the console's pressable parts make (react-aria: `touch-action` of what can be pressed). */
const PRESSABLE_STYLE = "'sha256-38RhXrc7EdReTKsOm23ZPOCUgniTUUcjky8QOOrQx6o='";
/** Only files of the bridge itself: no inline script, no other host, in no frame. */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  `style-src 'self' ${PRESSABLE_STYLE}`,
  "img-src 'self' data:",
  "font-src 'self'",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Of the files that a build makes. */
const TYPES = [
  'text/html',
  'text/javascript',
  'text/css',
  'image/svg+xml',
  'application/json',
  'application/octet-stream',
];
/** The query belongs to the page. */
const schema = { params: Type.Object({ '*': Type.String() }), querystring: Type.Object({}) };
const config = { right: 'open', hidden: true, produces: TYPES } as const;

/** `folder`: where the built console is. */
export function consoleRoutes(app: ApiApp, folder: string = BUILT): void {
  app.register(fastifyStatic, { root: folder, serve: false, preCompressed: true, cacheControl: false, etag: true });
  app.get('/', { config }, (_request, reply) => reply.redirect('/ui/'));
  app.get('/ui', { config }, (_request, reply) => reply.redirect('/ui/'));
  app.get('/ui/*', { config, schema }, (request, reply) => {
    const file = request.params['*'];
    if (!existsSync(path.join(folder, PAGE))) {
      throw notFound('The console is not built: npm run build:console, then start again');
    }
    if (file.startsWith(ASSETS)) {
      return reply.header('cache-control', 'public, max-age=31536000, immutable').sendFile(file);
    }
    if (path.extname(file) !== '' && existsSync(path.join(folder, path.posix.normalize(`/${file}`)))) {
      return reply.header('cache-control', 'no-cache').sendFile(file);
    }
    // Every address of the console is the one page; it finds out itself what to show.
    return sendPage(reply);
  });
}

function sendPage(reply: FastifyReply): FastifyReply {
  return reply
    .header('cache-control', 'no-cache')
    .header('content-security-policy', CONTENT_SECURITY_POLICY)
    .sendFile(PAGE);
}
