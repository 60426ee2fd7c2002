// The table of contents of the API: its route files, and the ports that they ask.
import type { Access, Audit } from '../domain/ports/access.ts';
import type { BrokerControl } from '../domain/ports/brokers.ts';
import type { Clock } from '../domain/ports/clock.ts';
import type { Cluster } from '../domain/ports/cluster.ts';
import type { Control } from '../domain/ports/control.ts';
import type { DebugControl } from '../domain/ports/debug.ts';
import type { DemoControl } from '../domain/ports/demo.ts';
import type { Desk } from '../domain/ports/desk.ts';
import type { DeviceControl } from '../domain/ports/devices.ts';
import type { HereUsage, MetricsPage } from '../domain/ports/facts.ts';
import type { FiguresControl } from '../domain/ports/figures.ts';
import type { KeyControl } from '../domain/ports/keys.ts';
import type { ApiApp, RouteInfo } from './app.ts';
import type { CookieRules } from './authenticate.ts';
import { brokerRoutes } from './broker-routes.ts';
import { addUpLedgers, clusterRoutes, gatherKept, passOnToOwner } from './cluster-routes.ts';
import { commandRoutes } from './command-routes.ts';
import { connectionRoutes } from './connection-routes.ts';
import { connectorRoutes } from './connector-routes.ts';
import { consoleRoutes } from './console-routes.ts';
import { deadLetterRoutes } from './dead-letter-routes.ts';
import { debugRoutes } from './debug-routes.ts';
import { demoRoutes } from './demo-routes.ts';
import { deviceRoutes } from './device-routes.ts';
import { deviceVerbRoutes } from './device-verb-routes.ts';
import { eventRoutes } from './event-routes.ts';
import { figureRoutes } from './figure-routes.ts';
import { healthRoutes } from './health-routes.ts';
import { hereRoutes } from './here-routes.ts';
import { keyRoutes } from './key-routes.ts';
import { ledgerRoutes } from './ledger-routes.ts';
import { messageRoutes } from './message-routes.ts';
import { metricsRoutes } from './metrics-routes.ts';
import { openApiRoutes } from './openapi-routes.ts';
import { positionRoutes } from './position-routes.ts';
import { sessionRoutes } from './session-routes.ts';
import { statusRoutes } from './status-routes.ts';
import { tailRoutes } from './tail-routes.ts';
import { trialRoutes } from './trial-routes.ts';
import { auditRoutes, tokenRoutes, userRoutes } from './user-routes.ts';

/** What the routes ask. A part of the bridge that adds routes adds its port here. */
export interface ApiPorts {
  readonly control: Control;
  /** Asked at each request to `/health/ready`; must be quick and must not throw. */
  readonly isReady: () => boolean;
  readonly version: string;
  readonly access: Access;
  readonly audit: Audit;
  readonly cookies: CookieRules;
  readonly clock: Clock;
  /** What a definition may name. */
  readonly names: () => { readonly brokers: readonly string[]; readonly services: readonly string[] };
  readonly brokers: BrokerControl;
  readonly debug: DebugControl;
  readonly figures: FiguresControl;
  readonly desk: Desk;
  readonly devices: DeviceControl;
  readonly metrics: MetricsPage;
  /** `/metrics` is open to all. */
  readonly metricsPublic: boolean;
  /** Of each app ID that this worker sends to. */
  readonly usage: () => readonly HereUsage[];
  readonly keys: KeyControl;
  /** Absent: this process has none. */
  readonly demo?: DemoControl;
  /** Absent: one worker alone. */
  readonly cluster?: Cluster | null;
  /** Served at the internal address: it is other workers who ask. */
  readonly isInternal?: boolean;
}

/** Registered once for each base path; `routes` is complete when the server listens. */
export async function registerRoutes(app: ApiApp, ports: ApiPorts, routes: readonly RouteInfo[]): Promise<void> {
  if (app.prefix === '') {
    healthRoutes(app, ports);
    consoleRoutes(app);
  }
  passOnToOwner(app, ports);
  addUpLedgers(app, ports);
  gatherKept(app, ports);
  openApiRoutes(app, ports, routes);
  statusRoutes(app, ports);
  connectorRoutes(app, ports);
  connectionRoutes(app, ports);
  brokerRoutes(app, ports);
  debugRoutes(app, ports);
  tailRoutes(app, ports);
  eventRoutes(app, ports);
  deadLetterRoutes(app, ports);
  ledgerRoutes(app, ports);
  figureRoutes(app, ports);
  deviceRoutes(app, ports);
  deviceVerbRoutes(app, ports);
  hereRoutes(app, ports);
  positionRoutes(app, ports);
  trialRoutes(app, ports);
  sessionRoutes(app, ports);
  userRoutes(app, ports);
  tokenRoutes(app, ports);
  auditRoutes(app, ports);
  messageRoutes(app, ports);
  metricsRoutes(app, ports);
  keyRoutes(app, ports);
  clusterRoutes(app, ports);
  commandRoutes(app, ports);
  demoRoutes(app, ports);
}
