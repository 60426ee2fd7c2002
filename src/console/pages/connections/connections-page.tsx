// The table of all connections: searched, sorted and filtered by the bridge, loaded as one scrolls.
import { Link, useNavigate } from '@tanstack/react-router';
import { type ReactNode, useCallback, useDeferredValue, useMemo, useState } from 'react';
import type { ConnectionState } from '../../../domain/connection.ts';
import type { ConnectionView } from '../../../domain/ports/control.ts';
import { type ListFilter, PAGE, useConnectionPages } from '../../api/connections.ts';
import { useDenial } from '../../api/session.ts';
import { formatCount, formatShort, text } from '../../text/text.ts';
import { TextField } from '../../ui/field.tsx';
import { useNarrow } from '../../ui/narrow.ts';
import { Empty, LoadNotice } from '../../ui/panel.tsx';
import { StateMenu } from '../../ui/state-menu.tsx';
import { Ago } from '../../ui/time.tsx';
import { type Column, VirtualTable } from '../../ui/virtual-table.tsx';
import { DemoBanner } from '../first-run/demo-banner.tsx';
import { Ways } from '../first-run/ways.tsx';

const words = text.connections;
const STATES = Object.keys(text.states) as ConnectionState[];

export function ConnectionsPage(): ReactNode {
  const [search, setSearch] = useState('');
  const [state, setState] = useState<ConnectionState | ''>('');
  const [sort, setSort] = useState('name');
  const [pages, setPages] = useState<readonly number[]>([1]);
  const q = useDeferredValue(search.trim());
  const filter: ListFilter = useMemo(() => ({ q, states: state === '' ? [] : [state], sort }), [q, state, sort]);
  const results = useConnectionPages(filter, pages);
  // Most steps of scrolling stay on the same pages: then nothing but the table is drawn anew.
  const onRange = useCallback((first: number, last: number) => {
    const next = pagesOf(first, last);
    setPages((before) => (before.join() === next.join() ? before : next));
  }, []);
  const total = results.find((result) => result.data !== undefined)?.data?.total ?? 0;
  const rowAt = (index: number): ConnectionView | undefined => {
    const at = pages.indexOf(Math.floor(index / PAGE) + 1);
    return at < 0 ? undefined : results[at]?.data?.rows[index % PAGE];
  };
  const denial = useDenial('operator');
  const navigate = useNavigate();
  const isNarrow = useNarrow();
  const columns = useMemo(() => {
    const all = columnsOf(sort, setSort, denial, (id) => void navigate({ to: '/connections/$id', params: { id } }));
    // What a person on a phone looks for is in sight without scrolling sideways.
    return isNarrow ? [...all.slice(0, 1), ...all.slice(-1), ...all.slice(1, -1)].map(slim) : all;
  }, [sort, denial, navigate, isNarrow]);
  const first = results[0];
  const isFiltered = q !== '' || state !== '';
  // Nothing to look for among nothing.
  const hasAny = isFiltered || search !== '' || total > 0;
  return (
    <>
      <div className="page-head">
        <h1>{text.nav.connections}</h1>
        <div className="page-end">
          <Link to="/connections/new" className="button primary">
            + {words.add}
          </Link>
        </div>
      </div>
      <DemoBanner />
      {hasAny && (
        <div className="filters">
          <TextField label={words.search} name="search" kind="search" value={search} onChange={setSearch} />
          <label className="field">
            <span className="field-label">{words.state}</span>
            <select
              className="input"
              value={state}
              onChange={(event) => setState(event.target.value as ConnectionState | '')}
            >
              <option value="">{text.common.all}</option>
              {STATES.map((each) => (
                <option key={each} value={each}>
                  {text.states[each]}
                </option>
              ))}
            </select>
          </label>
        </div>
      )}
      {first !== undefined && first.data === undefined ? (
        <LoadNotice state={first} />
      ) : (
        <VirtualTable
          label={text.nav.connections}
          columns={columns}
          count={total}
          rowAt={rowAt}
          rowKey={(row) => row.id}
          onRange={onRange}
          empty={
            isFiltered ? (
              <Empty title={words.noneFound}>{words.noneFoundHint}</Empty>
            ) : (
              <>
                <h2 className="none-yet">{words.noneYet}</h2>
                <Ways />
              </>
            )
          }
        />
      )}
    </>
  );
}

/** Widths on a phone: name and state fill it. */
const PHONE_WIDTHS: Readonly<Record<string, string>> = {
  name: '130px',
  state: '200px',
  connector: 'minmax(168px, 1fr)',
};

function slim(column: Column<ConnectionView>): Column<ConnectionView> {
  return { ...column, width: PHONE_WIDTHS[column.key] ?? column.width };
}

/** The pages that rows `first` to `last` are on; the first page always, since it tells how many there are. */
function pagesOf(first: number, last: number): readonly number[] {
  const from = Math.floor(first / PAGE) + 1;
  const to = Math.floor(last / PAGE) + 1;
  const pages = new Set([1]);
  for (let page = from; page <= to; page++) pages.add(page);
  return [...pages];
}

function columnsOf(
  sort: string,
  setSort: (sort: string) => void,
  denial: string | null,
  open: (id: string) => void,
): readonly Column<ConnectionView>[] {
  const sortable = (key: string): Pick<Column<ConnectionView>, 'onSort' | 'sorted'> => ({
    onSort: () => setSort(sort === key ? `-${key}` : key),
    sorted: sort === key ? 'ascending' : sort === `-${key}` ? 'descending' : null,
  });
  return [
    {
      key: 'name',
      title: words.name,
      width: 'minmax(150px, 2.6fr)',
      cell: (row) => (
        // The router's own link looks at every change of the address: of thousands of rows that is felt.
        <a
          href={`/ui/connections/${encodeURIComponent(row.id)}`}
          // Where a long name is cut is told by its own direction.
          dir="auto"
          className="vt-name"
          title={row.name}
          onClick={(event) => {
            if (event.button !== 0 || event.ctrlKey || event.metaKey || event.shiftKey || event.altKey) return;
            event.preventDefault();
            open(row.id);
          }}
        >
          {row.name}
        </a>
      ),
      ...sortable('name'),
    },
    { key: 'connector', title: words.connector, width: '168px', cell: () => words.here },
    {
      key: 'startup',
      title: words.lastRestart,
      width: '116px',
      cell: (row) => <Ago at={row.startupTime} style="short" />,
    },
    figureColumn('things', words.activeThings, (row) => row.figures?.activeThings),
    figureColumn('uplinks', words.uplinks, (row) => row.figures?.uplinks),
    figureColumn('downlinks', words.downlinks, (row) => row.figures?.downlinks),
    {
      key: 'state',
      title: words.state,
      width: '236px',
      cell: (row) => <StateMenu denial={denial} id={row.id} name={row.name} active={row.active} state={row.state} />,
      ...sortable('state'),
    },
  ];
}

type HourAndDay = NonNullable<ConnectionView['figures']>['uplinks'];

function figureColumn(
  key: string,
  title: string,
  of: (row: ConnectionView) => HourAndDay | undefined,
): Column<ConnectionView> {
  const cell = (row: ConnectionView): ReactNode => {
    const figure = of(row);
    if (figure === undefined) return <span className="muted">{text.common.none}</span>;
    return (
      // Huge ones take two lines.
      <span className="wrapped" title={`${formatCount(figure.hour)} / ${formatCount(figure.day)}`}>
        {formatShort(figure.hour)} / {formatShort(figure.day)}
      </span>
    );
  };
  return { key, title, width: '112px', align: 'end', cell };
}
