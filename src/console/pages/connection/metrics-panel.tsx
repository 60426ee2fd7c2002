// Active devices, uplinks and downlinks of the last hour or day: rings of what succeeded, and the uplinks over time.
import { lazy, type ReactNode, Suspense, useState } from 'react';
import { type Metrics, type Period, useMetrics } from '../../api/metrics.ts';
import { formatCount, formatShare, formatShort, text } from '../../text/text.ts';
import { LoadNotice, Panel } from '../../ui/panel.tsx';

const words = text.metrics;
const Chart = lazy(() => import('../../ui/chart.tsx').then(({ Chart: component }) => ({ default: component })));

export function MetricsPanel({ id }: { readonly id: string }): ReactNode {
  const [period, setPeriod] = useState<Period>('1h');
  const metrics = useMetrics(id, period);
  const choose = (each: Period, label: string): ReactNode => (
    <button type="button" className="button small" aria-pressed={period === each} onClick={() => setPeriod(each)}>
      {label}
    </button>
  );
  return (
    <Panel
      title={words.title}
      end={
        <>
          {choose('1h', words.hour)}
          {choose('1d', words.day)}
        </>
      }
    >
      {metrics.data === undefined ? <LoadNotice state={metrics} /> : <Shown metrics={metrics.data} period={period} />}
    </Panel>
  );
}

function Shown({ metrics, period }: { readonly metrics: Metrics; readonly period: Period }): ReactNode {
  const { total, points, activeThings } = metrics;
  const active = period === '1h' ? activeThings.hour : activeThings.day;
  // What a rule has left out has not failed; what is refused or too old has.
  const failed = total.deadLettered + total.expired;
  return (
    <>
      <div className="figures">
        <div className="figure">
          <p className="figure-number" title={formatCount(active)}>
            {formatShort(active)}
          </p>
          <p>{words.activeDevices}</p>
        </div>
        <Ring label={words.uplinks} count={total.received} ok={total.delivered} failed={failed} />
        <Ring label={words.downlinks} count={total.downlinks} ok={total.downlinks} failed={0} />
      </div>
      <Suspense fallback={null}>
        <Chart
          label={words.perStep}
          spanS={period === '1h' ? 3_600 : 86_400}
          times={points.map(({ time }) => Date.parse(time) / 1000)}
          series={[
            { label: words.successful, color: 'good', values: points.map(({ delivered }) => delivered) },
            {
              label: words.failed,
              color: 'bad',
              values: points.map(({ deadLettered, expired }) => deadLettered + expired),
            },
          ]}
        />
      </Suspense>
    </>
  );
}

interface RingProps {
  readonly label: string;
  readonly count: number;
  readonly ok: number;
  readonly failed: number;
}

const RADIUS = 46;
const ROUND = 2 * Math.PI * RADIUS;

function Ring({ label, count, ok, failed }: RingProps): ReactNode {
  const share = ok + failed === 0 ? null : ok / (ok + failed);
  return (
    <div className="figure">
      <svg viewBox="0 0 110 110" width="118" height="118" role="img" aria-label={`${formatCount(count)} ${label}`}>
        <circle className="ring-back" cx="55" cy="55" r={RADIUS} />
        {share !== null && (
          <>
            <circle className="ring-failed" cx="55" cy="55" r={RADIUS} />
            <circle
              className="ring-ok"
              cx="55"
              cy="55"
              r={RADIUS}
              strokeDasharray={`${share * ROUND} ${ROUND}`}
              transform="rotate(-90 55 55)"
            />
          </>
        )}
        <text x="55" y="55" className="ring-number">
          {formatShort(count)}
        </text>
        <text x="55" y="71" className="ring-label">
          {label}
        </text>
      </svg>
      <p className="muted">
        {words.successful}: {formatCount(ok)} · {words.failed}: {formatCount(failed)}
      </p>
      {share !== null && <p className="muted">{words.shareOk(formatShare(share))}</p>}
    </div>
  );
}
