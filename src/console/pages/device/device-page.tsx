// One device: its recent uplinks as a time line, its commands, and what HERE has of it.
import { useParams } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { ApiError } from '../../api/call.ts';
import { useDevice } from '../../api/devices.ts';
import { formatCount, text } from '../../text/text.ts';
import { ConnectionHead } from '../../ui/connection-head.tsx';
import { LoadNotice } from '../../ui/panel.tsx';
import { Ago } from '../../ui/time.tsx';
import { CommandsPanel } from './commands-panel.tsx';
import { LatestPanel } from './latest-panel.tsx';
import { ShadowPanel } from './shadow-panel.tsx';
import { TracesPanel } from './traces-panel.tsx';
import { UplinksPanel } from './uplinks-panel.tsx';
import './device.css';

export function DevicePage(): ReactNode {
  const { id, device: given } = useParams({ from: '/connections/$id/devices/$device' });
  const device = given.toUpperCase();
  const query = useDevice(id, device);
  const isUnheard = query.error instanceof ApiError && query.error.status === 404;
  return (
    <>
      <ConnectionHead id={id} title={device} isCode />
      {isUnheard && (
        <p className="banner warn" role="status">
          {text.device.notHeard}
        </p>
      )}
      {query.data === undefined ? (
        !isUnheard && <LoadNotice state={query} />
      ) : (
        <dl className="pairs">
          <dt>{text.devices.lastSeen}</dt>
          <dd>
            <Ago at={query.data.lastSeen} />
          </dd>
          <dt>{text.devices.firstSeen}</dt>
          <dd>
            <Ago at={query.data.firstSeen} />
          </dd>
          <dt>{text.devices.uplinks}</dt>
          <dd>{formatCount(query.data.uplinks)}</dd>
        </dl>
      )}
      <div className="device-panels">
        <UplinksPanel id={id} device={device} />
        <LatestPanel key={`${id} ${device}`} id={id} device={device} />
        <CommandsPanel id={id} device={device} />
        <ShadowPanel id={id} device={device} />
        <TracesPanel id={id} device={device} />
      </div>
    </>
  );
}
