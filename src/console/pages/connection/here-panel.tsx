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

/** Where people look at HERE itself: projects and App IDs, devices on HERE's map, and projects of the HERE platform. */
const PORTALS = [
  ['https://admin.tracking.here.com/', words.portals.admin],
  ['https://app.tracking.here.com/workspace', words.portals.workspace],
  ['https://platform.here.com/', words.portals.platform],
] as const;
/** Uplinks take a moment, and not every frame becomes a report. */
const BEHIND_MS = 15 * 60_000;

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
              <dt>{words.portals.title}</dt>
              <dd className="here-portals">
                {PORTALS.map(([url, label]) => (
                  <a key={url} href={url} target="_blank" rel="noreferrer">
                    {label}
                  </a>
                ))}
              </dd>
            </dl>
            <DeviceList id={id} view={view} />
          </>
        );
      }}
    </AskedPanel>
  );
}

function ProjectPairs({ project }: { readonly project: Project }): ReactNode {
  const { projectName, projectId, type, isExpired, endsAt, devicesLeft } = project;
  return (
    <>
      <dt>{words.project}</dt>
      <dd>
        {projectName} {projectId !== null && <span className="mono muted">{projectId}</span>}
      </dd>
      <dt>{words.licence}</dt>
      <dd>
        {type !== null && <>{type} · </>}
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
  // HERE's lists name devices that were made by their external id by that id alone.
  const hasTracking = devices.some(({ trackingId }) => trackingId !== null);
  return (
    <>
      <h3 className="here-devices">{words.devices}</h3>
      <VirtualTable
        label={words.devices}
        columns={columnsOf(id).filter(({ key }) => key !== 'tracking' || hasTracking)}
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
        lastSeen === null ? <span className="badge warn">{words.notHeard}</span> : <Ago at={lastSeen} style="short" />,
    },
    {
      key: 'report',
      title: words.report,
      width: '190px',
      cell: ({ lastSeen, reported }) => {
        const at = reportOf(reported);
        const isBehind = lastSeen !== null && at !== null && Date.parse(lastSeen) - at > BEHIND_MS;
        return (
          <>
            <Ago at={at} style="short" />{' '}
            {isBehind && (
              <span className="badge warn" title={words.behindBecause}>
                {words.behind}
              </span>
            )}
          </>
        );
      },
    },
    { key: 'position', title: words.position, width: '190px', cell: ({ reported }) => placeOf(reported) },
    {
      key: 'tracking',
      title: words.trackingId,
      width: 'minmax(170px, 1fr)',
      cell: ({ trackingId }) =>
        trackingId === null ? (
          <span className="muted">{text.common.none}</span>
        ) : (
          <span className="mono" title={trackingId}>
            {trackingId}
          </span>
        ),
    },
  ];
}

/** When the device last reported, as HERE has it (in its lists as ISO, elsewhere in ms): ms since the epoch. */
function reportOf(reported: unknown): number | null {
  const { timestamp } = (reported ?? {}) as { readonly timestamp?: unknown };
  const at = typeof timestamp === 'string' ? Date.parse(timestamp) : timestamp;
  return typeof at === 'number' && Number.isFinite(at) ? at : null;
}

function placeOf(reported: unknown): string {
  const { position } = (reported ?? {}) as { readonly position?: { readonly lat?: unknown; readonly lng?: unknown } };
  const { lat, lng } = position ?? {};
  return typeof lat === 'number' && typeof lng === 'number'
    ? `${lat.toFixed(5)}, ${lng.toFixed(5)}`
    : text.device.noPosition;
}
