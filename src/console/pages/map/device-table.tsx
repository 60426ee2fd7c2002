// What the map shows as a table, for those who do not see it, and to look for a device.
import { Link } from '@tanstack/react-router';
import { type ReactNode, useDeferredValue, useMemo, useState } from 'react';
import type { Position } from '../../api/positions.ts';
import { formatLength, text } from '../../text/text.ts';
import { Button } from '../../ui/button.tsx';
import { TextField } from '../../ui/field.tsx';
import { Empty, Panel } from '../../ui/panel.tsx';
import { Ago } from '../../ui/time.tsx';
import { type Column, VirtualTable } from '../../ui/virtual-table.tsx';

const words = text.map;

export interface DeviceTableProps {
  readonly id: string;
  readonly devices: readonly Position[];
  readonly onShow: (device: string) => void;
}

export function DeviceTable({ id, devices, onShow }: DeviceTableProps): ReactNode {
  const [typed, setTyped] = useState('');
  const wanted = useDeferredValue(typed.replaceAll(/[\s:-]/g, '').toUpperCase());
  const rows = useMemo(() => devices.filter(({ device }) => device.includes(wanted)), [devices, wanted]);
  const columns = useMemo(() => columnsOf(id, onShow), [id, onShow]);
  return (
    <Panel title={words.table}>
      <div className="filters">
        <TextField label={words.search} name="search" kind="search" value={typed} onChange={setTyped} />
      </div>
      <VirtualTable
        label={words.tableLabel}
        columns={columns}
        count={rows.length}
        rowAt={(index) => rows[index]}
        rowKey={(row) => row.device}
        maxHeight="420px"
        minWidth={760}
        empty={<Empty title={devices.length === 0 ? words.noDevices : words.noMatch} />}
      />
    </Panel>
  );
}

function columnsOf(id: string, onShow: (device: string) => void): readonly Column<Position>[] {
  return [
    {
      key: 'device',
      title: text.devices.device,
      width: 'minmax(166px, 1fr)',
      cell: ({ device }) => (
        <Link className="mono" to="/connections/$id/devices/$device" params={{ id, device }}>
          {device}
        </Link>
      ),
    },
    {
      key: 'report',
      title: words.report,
      width: '130px',
      cell: ({ reportedAt }) => <Ago at={reportedAt} style="short" />,
    },
    {
      key: 'position',
      title: words.position,
      width: '190px',
      cell: ({ position }) =>
        position === null ? (
          <span className="muted">{text.device.noPosition}</span>
        ) : (
          `${position.lat.toFixed(5)}, ${position.lng.toFixed(5)}`
        ),
    },
    {
      key: 'accuracy',
      title: words.accuracy,
      width: '110px',
      align: 'end',
      cell: ({ position }) => (position?.accuracy == null ? text.common.none : formatLength(position.accuracy)),
    },
    {
      key: 'show',
      title: words.onMap,
      width: '130px',
      cell: ({ device, position }) =>
        position === null ? null : (
          <Button small label={words.showOnMap(device)} onPress={() => onShow(device)}>
            {words.show}
          </Button>
        ),
    },
  ];
}
