// Devices whose uplinks HERE refuses because it does not know them: one or many are created there.
import { Link, useParams } from '@tanstack/react-router';
import { type ReactNode, useState } from 'react';
import { type UnknownDevice, useCreateDevices, useIgnoreDevices, useUnknownDevices } from '../../api/devices.ts';
import { useDenial } from '../../api/session.ts';
import { formatCount, text } from '../../text/text.ts';
import { Button } from '../../ui/button.tsx';
import { Confirm } from '../../ui/confirm.tsx';
import { ConnectionHead } from '../../ui/connection-head.tsx';
import { notify } from '../../ui/notices.tsx';
import { Empty, LoadNotice } from '../../ui/panel.tsx';
import { Ago } from '../../ui/time.tsx';
import { type Column, VirtualTable } from '../../ui/virtual-table.tsx';

import { IgnoredPanel } from './ignored-panel.tsx';

const words = text.unknownDevices;
const NOT_REFUSED = ['created', 'known'];

export function UnknownDevicesPage(): ReactNode {
  const { id } = useParams({ from: '/connections/$id/unknown-devices' });
  const query = useUnknownDevices(id);
  const create = useCreateDevices(id);
  const denial = useDenial('operator');
  const [marked, setMarked] = useState<ReadonlySet<string>>(new Set());
  const ignore = useIgnoreDevices(id);
  const [asking, setAsking] = useState<'create' | 'ignore' | null>(null);
  const rows = query.data ?? [];
  // What has been created meanwhile is no longer listed, and so no longer chosen.
  const chosen = rows.filter(({ device }) => marked.has(device)).map(({ device }) => device);
  const count = formatCount(chosen.length);
  const run = async (): Promise<void> => {
    const verdicts = Object.entries(await create.mutateAsync(chosen));
    const failed = verdicts.filter(([, verdict]) => !NOT_REFUSED.includes(verdict));
    if (failed.length < verdicts.length) notify(words.created(formatCount(verdicts.length - failed.length)));
    for (const [device, why] of failed.slice(0, 3)) notify(words.notCreated(device, why), 'bad');
    setMarked(new Set(failed.map(([device]) => device)));
  };
  return (
    <>
      <ConnectionHead
        id={id}
        title={words.title}
        end={
          rows.length > 0 && (
            <>
              <Button
                isDisabled={rows.length === 0}
                onPress={() => setMarked(new Set(rows.map(({ device }) => device)))}
              >
                {words.chooseAll}
              </Button>
              <Button deniedBecause={denial} isDisabled={chosen.length === 0} onPress={() => setAsking('ignore')}>
                {text.ignored.action(count)}
              </Button>
              <Button
                kind="primary"
                deniedBecause={denial}
                isDisabled={chosen.length === 0}
                onPress={() => setAsking('create')}
              >
                {words.createChosen(count)}
              </Button>
            </>
          )
        }
      />
      {rows.length > 0 && <p className="banner">{words.hint}</p>}
      {query.data === undefined ? (
        <LoadNotice state={query} />
      ) : (
        <VirtualTable
          label={words.title}
          columns={columnsOf(id, marked, setMarked)}
          count={rows.length}
          rowAt={(index) => rows[index]}
          rowKey={(row) => row.device}
          minWidth={640}
          empty={<Empty title={words.none}>{words.noneHint}</Empty>}
        />
      )}
      <IgnoredPanel id={id} />
      {asking === 'create' && (
        <Confirm
          title={words.createTitle}
          action={words.createChosen(count)}
          onClose={() => setAsking(null)}
          onConfirm={run}
        >
          {words.createQuestion(count)}
        </Confirm>
      )}
      {asking === 'ignore' && (
        <Confirm
          title={text.ignored.title}
          action={text.ignored.action(count)}
          onClose={() => setAsking(null)}
          onConfirm={async () => {
            notify(text.ignored.done(formatCount(await ignore.mutateAsync(chosen))));
            setMarked(new Set());
          }}
        >
          {text.ignored.question(count)}
        </Confirm>
      )}
    </>
  );
}

function columnsOf(
  id: string,
  marked: ReadonlySet<string>,
  setMarked: (marked: ReadonlySet<string>) => void,
): readonly Column<UnknownDevice>[] {
  const toggle = (device: string): void => {
    const next = new Set(marked);
    if (!next.delete(device)) next.add(device);
    setMarked(next);
  };
  return [
    {
      key: 'device',
      title: words.device,
      width: 'minmax(230px, 1fr)',
      cell: ({ device }) => (
        <span className="chooser">
          <input
            type="checkbox"
            aria-label={words.choose(device)}
            checked={marked.has(device)}
            onChange={() => toggle(device)}
          />
          <Link className="mono" to="/connections/$id/devices/$device" params={{ id, device }}>
            {device}
          </Link>
        </span>
      ),
    },
    {
      key: 'reason',
      title: words.reason,
      width: 'minmax(230px, 2fr)',
      cell: ({ reason }) => <span title={reason}>{reason}</span>,
    },
    { key: 'last', title: words.lastSeen, width: '150px', cell: (row) => <Ago at={row.lastSeen} /> },
  ];
}
