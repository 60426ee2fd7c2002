// How the console is built: into dist/console, from where the bridge serves it under /ui/.
import react from '@vitejs/plugin-react';
import { defineConfig } from 'vite';

/** A running bridge for `npm run dev:console`. */
const BRIDGE = 'http://127.0.0.1:8080';

export default defineConfig({
  root: import.meta.dirname,
  base: '/ui/',
  plugins: [react()],
  build: {
    outDir: '../../dist/console',
    emptyOutDir: true,
    target: 'es2022',
    // Nothing inline: the Content-Security-Policy allows only files of the bridge itself.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    chunkSizeWarningLimit: 800,
  },
  server: {
    proxy: Object.fromEntries(
      [
        '/connections',
        '/connectors',
        '/events',
        '/status',
        '/workers',
        '/uplinks',
        '/here',
        '/brokers',
        '/session',
        '/demo',
        '/health',
        '/users',
        '/tokens',
        '/audit',
        '/keys',
      ].map((route) => [route, BRIDGE]),
    ),
  },
});
