// How the connection keeps up: what waits and when it will be gone, latency, and how much of HERE's limits is used.
import type { ReactNode } from 'react';
import type { ConnectionView } from '../../../domain/ports/control.ts';
import { formatBytes, formatCount, formatShare, formatSpan, text } from '../../text/text.ts';
import { Panel } from '../../ui/panel.tsx';

const words = text.usage;

export function UsagePanel({ connection }: { readonly connection: ConnectionView }): ReactNode {
  const { activity } = connection;
  if (activity === null) return null;
  const { drain, here: usage } = activity;
  const isDraining = drain.waiting > 0 && drain.emptyInMs !== null;
  const forecast = isDraining
    ? // A forecast in milliseconds would be no forecast.
      words.emptyIn(formatCount(drain.waiting), formatSpan(Math.max(1_000, drain.emptyInMs ?? 0)))
    : drain.waiting > 0
      ? words.notShrinking(formatCount(drain.waiting))
      : words.nothingWaits;
  return (
    <Panel title={words.title}>
      <p>{forecast}</p>
      <dl className="pairs usage">
        <dt>{words.latency}</dt>
        <dd>{words.latencyOf(formatSpan(activity.latencyMs.p50), formatSpan(activity.latencyMs.p99))}</dd>
        <dt>{words.journal}</dt>
        <dd>
          <meter
            aria-label={words.journal}
            min={0}
            max={activity.journalMaxBytes}
            high={activity.journalMaxBytes * 0.8}
            value={activity.journalBytes}
          />{' '}
          {text.common.of(formatBytes(activity.journalBytes), formatBytes(activity.journalMaxBytes))}
        </dd>
        {usage !== null && (
          <>
            <dt>{words.requests}</dt>
            <dd>
              {words.periods(
                formatCount(usage.lastMinute.requests),
                formatCount(usage.lastHour.requests),
                formatCount(usage.lastDay.requests),
              )}
            </dd>
            <dt>{words.records}</dt>
            <dd>
              {words.periods(
                formatCount(usage.lastMinute.records),
                formatCount(usage.lastHour.records),
                formatCount(usage.lastDay.records),
              )}
            </dd>
            <dt>{words.limit}</dt>
            <dd>
              {usage.limit === null
                ? words.noLimit
                : words.limitOf(
                    formatCount(usage.limit.requests),
                    formatSpan(usage.limit.periodMs),
                    usage.limit.remaining === null
                      ? text.common.unknown
                      : formatShare(usage.limit.remaining / Math.max(1, usage.limit.requests)),
                  )}
            </dd>
          </>
        )}
      </dl>
    </Panel>
  );
}
