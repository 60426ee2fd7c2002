// Makes the uplink line of a connection from its definition and the worker's configuration.
import type { Config } from '../config/config.ts';
import type { LineRequest, MadeLine } from '../connections/runtime-options.ts';
import type { Connection } from '../domain/connection.ts';
import type { EventSink } from '../domain/events.ts';
import type { Chance, Clock } from '../domain/ports/clock.ts';
import { Circuits } from '../uplink/circuit.ts';
import { concernOf } from '../uplink/matchers.ts';
import { compilePrepare } from '../uplink/prepare.ts';
import { UplinkFlow } from '../uplink/uplink-flow.ts';
import type { DebugLogs } from './debug-logs.ts';
import { type Downlinks, TwoWayLine } from './downlinks.ts';
import type { LiveLine, Views } from './views.ts';
import { Windows } from './windows.ts';

/** In-memory uplinks are bounded by bytes; this bounds their bookkeeping where records are tiny. */
const WINDOW_MAX_ITEMS = 100_000;

export function lineMaker(
  config: Config,
  parts: {
    readonly clock: Clock;
    readonly chance: Chance;
    readonly events: EventSink;
    readonly views: Views;
    readonly downlinks: Downlinks;
    readonly debug?: Pick<DebugLogs, 'lineMade'>;
  },
): (request: LineRequest) => MadeLine {
  const { clock, chance, events, views, downlinks, debug } = parts;
  const { windowMaxBytes: maxBytes, allWindowsMaxBytes: allMaxBytes } = config.budgets;
  const used = () => [...views.lines].map(([id, { flow }]) => [id, flow.windowBytes] as const);
  const windows = new Windows({ clock, maxBytes, allMaxBytes, maxItems: WINDOW_MAX_ITEMS, used });
  const { retryMinMs: minMs, retryMaxMs: maxMs } = config.delivery;
  const circuits = new Circuits(clock, chance, { minMs, maxMs });
  return ({ connection, store, observer }) => {
    const { uplinkTimeValidityMs } = connection;
    const downlink = downlinks.make(connection, store);
    const { maxMessageBytes } = config.sources;
    const reading = { defaultAccuracyM: config.mapping.defaultAccuracyM, maxMessageBytes };
    const prepare = compilePrepare(connection, reading, downlink);
    const flow = new UplinkFlow({
      connectionId: connection.id,
      prepare,
      store,
      clock,
      events,
      observer,
      uplinkTimeValidityMs,
      createDevices: connection.createDevices,
      maxDevices: connection.maxDevices,
      pairWaitMs: config.mapping.pairWaitMs,
      window: windows.of(connection.id),
      circuits,
      versions: downlink.versions,
      retired: views.retired(connection.id, store),
      trail: views.trail(connection.id, config.budgets.traceMaxUplinks),
      batchLingerMs: config.here.services[connection.account.service]?.batchLingerMs ?? 0,
    });
    const live: LiveLine = { flow, store, source: connection.source, replayBy: { prepare, uplinkTimeValidityMs } };
    views.lines.set(connection.id, live);
    debug?.lineMade(connection.id, live);
    const concern = concernOf(connection.source.matchers);
    const line = new TwoWayLine(flow, downlink, (messages) => views.arrivals.tell(connection, messages));
    const adapt = (next: Connection): void => {
      live.source = next.source;
      downlink.change(next);
    };
    return { line, concern, adapt };
  };
}
