// "Did it work?": the account, the project with its licence and quota, and the devices as HERE lists them beside what was heard.
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import type { ConnectionView } from '../../../domain/ports/control.ts';
import { type HereView, type ListedDevice, type Project, useHereView } from '../../api/here.ts';
import { formatCount, formatTime, text } from '../../text/text.ts';
import { AskedPanel } from '../../ui/asked-panel.tsx';
import { Ago } from '../../ui/time.tsx';
import { type Column, VirtualTable } from '../../ui/virtual-table.tsx';

const words = text.herePanel;

export function HerePanel({ connection }: { readonly connection: ConnectionView }): ReactNode {
  const { id, configuration } = connection;
  const appId = String(configuration.appId ?? '');
  return (
    <AskedPanel title={words.title} query={useHereView(id, true)}>
      {(view) => {
        const project = view.projects.find((each) => each.appId === appId);
        return (
          <>
            <dl className="pairs here-project">
              <dt>{words.account}</dt>
              <dd>{String(configuration.email ?? text.common.unknown)}</dd>
              <dt>{words.appId}</dt>
              <dd className="mono">{appId}</dd>
              {project === undefined ? (
                <>
                  <dt>{words.project}</dt>
                  <dd>{words.noProject}</dd>
                </>
              ) : (
                <ProjectPairs project={project} />
              )}
            </dl>
            <DeviceList id={id} view={view} />
          </>
        );
      }}
    </AskedPanel>
  );
}

function ProjectPairs({ project }: { readonly project: Project }): ReactNode {
  const { projectName, projectId, isExpired, endsAt, devicesLeft } = project;
  return (
    <>
      <dt>{words.project}</dt>
      <dd>
        {projectName} {projectId !== null && <span className="mono muted">{projectId}</span>}
      </dd>
      <dt>{words.licence}</dt>
      <dd>
        {isExpired ? (
          <span className="badge bad">{words.expired}</span>
        ) : endsAt === null ? (
          words.running
        ) : (
          words.runsUntil(formatTime(endsAt))
        )}
      </dd>
      <dt>{words.quota}</dt>
      <dd>{devicesLeft === null ? text.common.unknown : words.left(formatCount(devicesLeft))}</dd>
    </>
  );
}

function DeviceList({ id, view }: { readonly id: string; readonly view: HereView }): ReactNode {
  const { devices, hasMore } = view;
  return (
    <>
      <h3 className="here-devices">{words.devices}</h3>
      <VirtualTable
        label={words.devices}
        columns={columnsOf(id)}
        count={devices.length}
        rowAt={(index) => devices[index]}
        rowKey={(row) => row.trackingId ?? row.device ?? ''}
        maxHeight="340px"
        minWidth={720}
        empty={<p className="muted">{words.noDevices}</p>}
      />
      {hasMore && <p className="muted">{words.firstOf(formatCount(devices.length))}</p>}
    </>
  );
}

function columnsOf(id: string): readonly Column<ListedDevice>[] {
  return [
    {
      key: 'device',
      title: text.devices.device,
      width: 'minmax(190px, 1fr)',
      cell: ({ device }) =>
        device === null ? (
          text.common.unknown
        ) : (
          <Link className="mono" to="/connections/$id/devices/$device" params={{ id, device }}>
            {device}
          </Link>
        ),
    },
    {
      key: 'heard',
      title: words.heard,
      width: '150px',
      cell: ({ lastSeen }) =>
        lastSeen === null ? <span className="badge warn">{words.notHeard}</span> : <Ago at={lastSeen} />,
    },
    { key: 'position', title: words.position, width: '190px', cell: ({ reported }) => placeOf(reported) },
    {
      key: 'tracking',
      title: words.trackingId,
      width: 'minmax(170px, 1fr)',
      cell: ({ trackingId, device }) =>
        trackingId === null ? (
          // HERE's lists name devices that were made by their external id by that id alone.
          <span className="muted">{device === null ? text.common.unknown : words.byExternalId}</span>
        ) : (
          <span className="mono" title={trackingId}>
            {trackingId}
          </span>
        ),
    },
  ];
}

function placeOf(reported: unknown): string {
  const { position } = (reported ?? {}) as { readonly position?: { readonly lat?: unknown; readonly lng?: unknown } };
  const { lat, lng } = position ?? {};
  return typeof lat === 'number' && typeof lng === 'number'
    ? `${lat.toFixed(5)}, ${lng.toFixed(5)}`
    : text.device.noPosition;
}
