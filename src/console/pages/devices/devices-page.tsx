// The devices that a connection has heard: thousands of them, loaded as one scrolls; one is opened by its DevEUI.
import { Link, useNavigate, useParams } from '@tanstack/react-router';
import { type ReactNode, useCallback, useState } from 'react';
import { type Device, useDevices } from '../../api/devices.ts';
import { formatCount, formatShort, text } from '../../text/text.ts';
import { Button } from '../../ui/button.tsx';
import { ConnectionHead } from '../../ui/connection-head.tsx';
import { TextField } from '../../ui/field.tsx';
import { Empty, LoadNotice } from '../../ui/panel.tsx';
import { Ago } from '../../ui/time.tsx';
import { type Column, VirtualTable } from '../../ui/virtual-table.tsx';

const words = text.devices;
/** So many rows before the last one loaded the next page is asked for. */
const AHEAD = 200;

export function DevicesPage(): ReactNode {
  const { id } = useParams({ from: '/connections/$id/devices' });
  const query = useDevices(id);
  const { hasNextPage, isFetchingNextPage, fetchNextPage } = query;
  const rows = query.data?.pages.flatMap((page) => page.devices) ?? [];
  const loaded = rows.length;
  const onRange = useCallback(
    (_first: number, last: number) => {
      if (hasNextPage && !isFetchingNextPage && last > loaded - AHEAD) void fetchNextPage();
    },
    [hasNextPage, isFetchingNextPage, fetchNextPage, loaded],
  );
  const count = formatCount(loaded);
  return (
    <>
      <ConnectionHead
        id={id}
        title={words.title}
        note={query.data === undefined ? undefined : hasNextPage ? words.loadedSoFar(count) : words.loaded(count)}
      />
      <OpenOne id={id} />
      {query.data === undefined ? (
        <LoadNotice state={query} />
      ) : (
        <VirtualTable
          label={words.title}
          columns={columnsOf(id)}
          count={loaded}
          rowAt={(index) => rows[index]}
          rowKey={(row) => row.device}
          onRange={onRange}
          minWidth={560}
          empty={<Empty title={words.none}>{words.noneHint}</Empty>}
        />
      )}
    </>
  );
}

function OpenOne({ id }: { readonly id: string }): ReactNode {
  const [typed, setTyped] = useState('');
  const [isWrong, setWrong] = useState(false);
  const navigate = useNavigate();
  return (
    <form
      className="filters"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        // As it is printed on devices and pasted: with dashes, colons or spaces.
        const device = typed.replaceAll(/[\s:-]/g, '').toUpperCase();
        if (/^[0-9A-F]{16}$/.test(device))
          void navigate({ to: '/connections/$id/devices/$device', params: { id, device } });
        else setWrong(true);
      }}
    >
      <TextField
        label={words.open}
        name="device"
        kind="search"
        value={typed}
        error={isWrong ? words.notEui : null}
        onChange={(next) => {
          setTyped(next);
          setWrong(false);
        }}
        end={<Button type="submit">{words.openAction}</Button>}
      />
    </form>
  );
}

function columnsOf(id: string): readonly Column<Device>[] {
  return [
    {
      key: 'device',
      title: words.device,
      width: 'minmax(190px, 2fr)',
      cell: ({ device }) => (
        <Link className="mono" to="/connections/$id/devices/$device" params={{ id, device }}>
          {device}
        </Link>
      ),
    },
    {
      key: 'last',
      title: words.lastSeen,
      width: 'minmax(130px, 1fr)',
      cell: (row) => <Ago at={row.lastSeen} style="short" />,
    },
    {
      key: 'first',
      title: words.firstSeen,
      width: 'minmax(130px, 1fr)',
      cell: (row) => <Ago at={row.firstSeen} style="short" />,
    },
    {
      key: 'uplinks',
      title: words.uplinks,
      width: '110px',
      align: 'end',
      cell: ({ uplinks }) => <span title={formatCount(uplinks)}>{formatShort(uplinks)}</span>,
    },
  ];
}
