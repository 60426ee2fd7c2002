// The live tail of a connection: each uplink's final word as it falls, paused and filtered at will.
import { Link, useParams } from '@tanstack/react-router';
import { type ReactNode, useState } from 'react';
import type { FollowedUplink } from '../../../domain/ports/control.ts';
import { PER_SECOND, SHOWN, useTail } from '../../api/tail.ts';
import { formatClock, formatCount, formatRate, formatSpan, text } from '../../text/text.ts';
import { Button } from '../../ui/button.tsx';
import { ConnectionHead } from '../../ui/connection-head.tsx';
import { TextField } from '../../ui/field.tsx';
import { useNarrow } from '../../ui/narrow.ts';
import { Empty } from '../../ui/panel.tsx';
import { type Column, VirtualTable } from '../../ui/virtual-table.tsx';

const words = text.tail;
const OUTCOMES = ['delivered', 'expired', 'filtered', 'skipped', 'deadLettered'] as const;
const KIND: Readonly<Record<string, string>> = {
  delivered: 'good',
  deadLettered: 'bad',
  expired: 'bad',
  skipped: 'warn',
};

export function TailPage(): ReactNode {
  const { id } = useParams({ from: '/connections/$id/tail' });
  const [typed, setTyped] = useState('');
  const [outcome, setOutcome] = useState('');
  const [isPaused, setPaused] = useState(false);
  const device = typed.replaceAll(/[\s:-]/g, '').toUpperCase();
  const isWhole = /^[0-9A-F]{16}$/.test(device);
  const tail = useTail(id, { device: isWhole ? device : '', outcome }, isPaused);
  const isNarrow = useNarrow();
  const { uplinks, state, reason, seen, missed, rate } = tail;
  return (
    <>
      <ConnectionHead
        id={id}
        title={words.title}
        end={
          <Button kind={isPaused ? 'primary' : 'secondary'} onPress={() => setPaused(!isPaused)}>
            {isPaused ? words.goOn : words.pause}
          </Button>
        }
      />
      <div className="filters">
        <TextField
          label={words.device}
          name="device"
          kind="search"
          value={typed}
          error={device !== '' && !isWhole && /[^0-9A-F]/.test(device) ? text.devices.notEui : null}
          onChange={setTyped}
        />
        <label className="field">
          <span className="field-label">{words.outcome}</span>
          <select className="input" value={outcome} onChange={(event) => setOutcome(event.target.value)}>
            <option value="">{text.common.all}</option>
            {OUTCOMES.map((each) => (
              <option key={each} value={each}>
                {text.device.states[each]}
              </option>
            ))}
          </select>
        </label>
      </div>
      {state === 'lost' && (
        <p className="banner warn" role="alert">
          {reason === null ? words.lost : words.lostBecause(reason)}
        </p>
      )}
      <p className="muted tail-line">
        {state === 'connecting'
          ? text.common.loading
          : isPaused
            ? words.isPaused
            : state === 'live'
              ? words.isLive
              : ''}{' '}
        {words.counts(formatCount(seen), formatRate(rate))}
        {missed > 0 && ` · ${words.missed(formatCount(missed))}`}
      </p>
      <VirtualTable
        label={words.title}
        columns={isNarrow ? forPhone(columnsOf(id)) : columnsOf(id)}
        count={uplinks.length}
        rowAt={(index) => uplinks[index]}
        rowKey={(row) => `${row.seq} ${row.time}`}
        rowHeight={36}
        minWidth={820}
        empty={<Empty title={words.none}>{words.noneHint}</Empty>}
      />
      <p className="muted">{words.bounded(formatCount(SHOWN), formatCount(PER_SECOND))}</p>
    </>
  );
}

/** What became of which device is in sight without scrolling sideways. */
function forPhone(columns: readonly Column<FollowedUplink>[]): readonly Column<FollowedUplink>[] {
  const isFirst = ({ key }: Column<FollowedUplink>): boolean => key === 'device' || key === 'outcome';
  return [...columns.filter(isFirst), ...columns.filter((column) => !isFirst(column))];
}

function columnsOf(id: string): readonly Column<FollowedUplink>[] {
  return [
    { key: 'time', title: words.time, width: '96px', cell: ({ time }) => formatClock(time) },
    {
      key: 'device',
      title: text.devices.device,
      width: '180px',
      cell: ({ device }) =>
        device === null ? (
          text.common.unknown
        ) : (
          <Link className="mono" to="/connections/$id/devices/$device" params={{ id, device }}>
            {device}
          </Link>
        ),
    },
    { key: 'frame', title: words.frame, width: '86px', align: 'end', cell: ({ fCnt }) => fCnt ?? text.common.none },
    {
      key: 'outcome',
      title: words.outcome,
      width: '130px',
      cell: ({ outcome }) => (
        <span className={`badge ${KIND[outcome.kind] ?? 'none'}`}>{text.device.states[outcome.kind]}</span>
      ),
    },
    { key: 'why', title: words.why, width: 'minmax(160px, 1fr)', cell: (row) => <Why uplink={row} /> },
    {
      key: 'latency',
      title: words.latency,
      width: '92px',
      align: 'end',
      cell: ({ latencyMs }) => formatSpan(latencyMs),
    },
  ];
}

function Why({ uplink }: { readonly uplink: FollowedUplink }): ReactNode {
  const { reason, detail } = uplink.outcome as { readonly reason?: string; readonly detail?: { message?: string } };
  const whole = [reason, detail?.message].filter((part) => part !== undefined && part !== '').join(': ');
  return <span title={whole}>{whole === '' ? text.common.none : whole}</span>;
}
