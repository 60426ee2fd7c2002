// Which page stands at which address. Each page is a chunk of its own.
import type { QueryClient } from '@tanstack/react-query';
import { createRootRoute, createRoute, createRouter, lazyRouteComponent, redirect } from '@tanstack/react-router';
import { FailedPage, NotFoundPage } from './app/error-page.tsx';
import { Shell } from './app/shell.tsx';
import { eventSearchOf } from './pages/events/event-search.ts';
import { type StepName, stepOf } from './pages/first-run/wizard.ts';
import { auditSearchOf } from './pages/settings/audit-search.ts';

const rootRoute = createRootRoute({ component: Shell, notFoundComponent: NotFoundPage, errorComponent: FailedPage });

const index = createRoute({
  getParentRoute: () => rootRoute,
  path: '/',
  beforeLoad: () => {
    throw redirect({ to: '/connections' });
  },
});

const connections = createRoute({
  getParentRoute: () => rootRoute,
  path: '/connections',
  component: lazyRouteComponent(() => import('./pages/connections/connections-page.tsx'), 'ConnectionsPage'),
});

const connection = createRoute({
  getParentRoute: () => rootRoute,
  path: '/connections/$id',
  component: lazyRouteComponent(() => import('./pages/connection/connection-page.tsx'), 'ConnectionPage'),
});

const events = createRoute({
  getParentRoute: () => rootRoute,
  path: '/events',
  validateSearch: eventSearchOf,
  component: lazyRouteComponent(() => import('./pages/events/events-page.tsx'), 'EventsPage'),
});

const tryUplink = createRoute({
  getParentRoute: () => rootRoute,
  path: '/try',
  component: lazyRouteComponent(() => import('./pages/try/try-page.tsx'), 'TryPage'),
});

const deadLetters = createRoute({
  getParentRoute: () => rootRoute,
  path: '/connections/$id/dead-letters',
  component: lazyRouteComponent(() => import('./pages/dead-letters/dead-letters-page.tsx'), 'DeadLettersPage'),
});

const firstRun = createRoute({
  getParentRoute: () => rootRoute,
  path: '/start',
  component: lazyRouteComponent(() => import('./pages/first-run/first-run-page.tsx'), 'FirstRunPage'),
});

const wizard = createRoute({
  getParentRoute: () => rootRoute,
  path: '/start/connect',
  validateSearch: ({ step }: Record<string, unknown>): { step: StepName } => ({ step: stepOf(step) }),
  component: lazyRouteComponent(() => import('./pages/first-run/wizard-page.tsx'), 'WizardPage'),
});

const map = createRoute({
  getParentRoute: () => rootRoute,
  path: '/connections/$id/map',
  component: lazyRouteComponent(() => import('./pages/map/map-page.tsx'), 'MapPage'),
});

const tail = createRoute({
  getParentRoute: () => rootRoute,
  path: '/connections/$id/tail',
  component: lazyRouteComponent(() => import('./pages/tail/tail-page.tsx'), 'TailPage'),
});

const devices = createRoute({
  getParentRoute: () => rootRoute,
  path: '/connections/$id/devices',
  component: lazyRouteComponent(() => import('./pages/devices/devices-page.tsx'), 'DevicesPage'),
});

const device = createRoute({
  getParentRoute: () => rootRoute,
  path: '/connections/$id/devices/$device',
  component: lazyRouteComponent(() => import('./pages/device/device-page.tsx'), 'DevicePage'),
});

const unknownDevices = createRoute({
  getParentRoute: () => rootRoute,
  path: '/connections/$id/unknown-devices',
  component: lazyRouteComponent(() => import('./pages/unknown-devices/unknown-devices-page.tsx'), 'UnknownDevicesPage'),
});

const workers = createRoute({
  getParentRoute: () => rootRoute,
  path: '/workers',
  component: lazyRouteComponent(() => import('./pages/workers/workers-page.tsx'), 'WorkersPage'),
});

const settings = createRoute({
  getParentRoute: () => rootRoute,
  path: '/settings',
  validateSearch: auditSearchOf,
  component: lazyRouteComponent(() => import('./pages/settings/settings-page.tsx'), 'SettingsPage'),
});

const about = createRoute({
  getParentRoute: () => rootRoute,
  path: '/about',
  component: lazyRouteComponent(() => import('./pages/about/about-page.tsx'), 'AboutPage'),
});

const create = createRoute({
  getParentRoute: () => rootRoute,
  path: '/connections/new',
  validateSearch: ({ connector }: Record<string, unknown>): { connector?: string } =>
    typeof connector === 'string' ? { connector } : {},
  component: lazyRouteComponent(() => import('./pages/create/create-page.tsx'), 'CreatePage'),
});

const routes = rootRoute.addChildren([
  index,
  firstRun,
  wizard,
  connections,
  create,
  connection,
  map,
  tail,
  devices,
  device,
  unknownDevices,
  deadLetters,
  tryUplink,
  events,
  workers,
  settings,
  about,
]);

export function makeRouter(_queries: QueryClient) {
  return createRouter({ routeTree: routes, basepath: '/ui', defaultPreload: 'intent' });
}

declare module '@tanstack/react-router' {
  interface Register {
    router: ReturnType<typeof makeRouter>;
  }
}
