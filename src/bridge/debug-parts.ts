// The detailed logs of connections, with what they ask of a worker.
import type { Config } from '../config/config.ts';
import type { Clock } from '../domain/ports/clock.ts';
import type { BridgeStore } from '../domain/ports/store.ts';
import type { Logger } from '../ops/logger.ts';
import { DebugLogs } from './debug-logs.ts';
import type { LiveFeed } from './live-feed.ts';
import { explainUplink } from './uplink-trial.ts';
import type { Views } from './views.ts';

export function debugLogs(
  config: Pick<Config, 'mapping' | 'sources'>,
  parts: {
    readonly logger: Logger;
    readonly clock: Clock;
    readonly feed: LiveFeed;
    readonly store: BridgeStore;
    readonly views: Views;
  },
): DebugLogs {
  const { logger, clock, feed, store, views } = parts;
  const debug = new DebugLogs({
    ...{ logger, clock, feed, arrivals: views.arrivals, lines: views.lines },
    setState: (id, name, value) => store.setState(id, name, value),
    explain: (connection, message) => explainUplink(config, connection, message, clock.now()),
    onChange: (id) => views.refresh(id),
  });
  views.extras.debugUntil = (id) => debug.until(id);
  views.extras.onLineGone = (id) => debug.lineGone(id);
  return debug;
}
