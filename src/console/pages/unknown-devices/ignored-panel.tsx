// Devices that are ignored or retired, each with the way back.
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { useReleaseDevice, useRetiredDevices } from '../../api/devices.ts';
import { useDenial } from '../../api/session.ts';
import { formatCount, text } from '../../text/text.ts';
import { Button } from '../../ui/button.tsx';
import { notify, notifyFailure } from '../../ui/notices.tsx';
import { Panel } from '../../ui/panel.tsx';
import { type Column, VirtualTable } from '../../ui/virtual-table.tsx';

const words = text.ignored;

export function IgnoredPanel({ id }: { readonly id: string }): ReactNode {
  const { data: devices = [] } = useRetiredDevices(id);
  const release = useReleaseDevice(id);
  const denial = useDenial('operator');
  if (devices.length === 0) return null;
  const columns: readonly Column<string>[] = [
    {
      key: 'device',
      title: text.devices.device,
      width: 'minmax(190px, 1fr)',
      cell: (device) => (
        <Link className="mono" to="/connections/$id/devices/$device" params={{ id, device }}>
          {device}
        </Link>
      ),
    },
    {
      key: 'release',
      title: words.release,
      width: '120px',
      cell: (device) => (
        <Button
          small
          label={words.releaseOne(device)}
          deniedBecause={denial}
          onPress={() =>
            release.mutate(device, { onSuccess: () => notify(words.released(device)), onError: notifyFailure })
          }
        >
          {words.release}
        </Button>
      ),
    },
  ];
  return (
    <div className="ignored">
      <Panel title={words.list} note={formatCount(devices.length)}>
        <VirtualTable
          label={words.release}
          columns={columns}
          count={devices.length}
          rowAt={(index) => devices[index]}
          rowKey={(device) => device}
          maxHeight="320px"
          minWidth={320}
          empty={null}
        />
      </Panel>
    </div>
  );
}
