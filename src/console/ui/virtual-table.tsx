// A table of thousands of rows of which only those in view are drawn. Rows keep their height, so scrolling stays smooth.
import { useVirtualizer } from '@tanstack/react-virtual';
import { memo, type ReactNode, useEffect, useRef } from 'react';
import './virtual-table.css';

export interface Column<T> {
  readonly key: string;
  readonly title: string;
  /** A CSS grid track, for example `minmax(140px, 2fr)`. */
  readonly width: string;
  readonly align?: 'end';
  readonly cell: (row: T) => ReactNode;
  /** Absent: the column cannot be sorted by. */
  readonly onSort?: () => void;
  readonly sorted?: 'ascending' | 'descending' | null;
}

export interface VirtualTableProps<T> {
  readonly label: string;
  readonly columns: readonly Column<T>[];
  readonly count: number;
  /** Undefined: not loaded yet; a placeholder stands there. */
  readonly rowAt: (index: number) => T | undefined;
  readonly rowKey: (row: T) => string;
  /** The rows in view, and a few around them: for those who load as one scrolls. */
  readonly onRange?: (first: number, last: number) => void;
  readonly rowHeight?: number;
  /** The most that the table grows to before it scrolls by itself, as CSS. */
  readonly maxHeight?: string;
  /** Below this width in px it scrolls sideways. */
  readonly minWidth?: number;
  readonly empty: ReactNode;
}

export function VirtualTable<T>(props: VirtualTableProps<T>): ReactNode {
  const { columns, count, rowAt, rowHeight = 46, onRange } = props;
  const scroller = useRef<HTMLDivElement>(null);
  // No keys of its own: with a function that is new at each drawing it would measure all rows anew, thousands of times a second.
  const virtual = useVirtualizer({
    count,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    overscan: 5,
  });
  const items = virtual.getVirtualItems();
  const first = items[0]?.index ?? 0;
  const last = items.at(-1)?.index ?? 0;
  useEffect(() => onRange?.(first, last), [onRange, first, last]);
  if (count === 0) return props.empty;
  const tracks = { gridTemplateColumns: columns.map(({ width }) => width).join(' ') };
  return (
    // A scroller must be reachable by keyboard.
    <div
      className="vt"
      ref={scroller}
      style={{ maxHeight: props.maxHeight ?? '70vh' }}
      tabIndex={0}
      role="region"
      aria-label={props.label}
    >
      <div
        role="table"
        aria-label={props.label}
        aria-rowcount={count + 1}
        {...(props.minWidth === undefined ? {} : { style: { minWidth: props.minWidth } })}
      >
        <div role="rowgroup" className="vt-head">
          <div role="row" className="vt-row" style={tracks} aria-rowindex={1}>
            {columns.map((column) => (
              <div
                key={column.key}
                role="columnheader"
                className={column.align === 'end' ? 'vt-cell number' : 'vt-cell'}
                aria-sort={column.onSort === undefined ? undefined : (column.sorted ?? 'none')}
              >
                {column.onSort === undefined ? (
                  column.title
                ) : (
                  <button type="button" className="vt-sort" onClick={column.onSort}>
                    {column.title}
                    <span aria-hidden="true">{column.sorted ? (column.sorted === 'ascending' ? ' ▲' : ' ▼') : ''}</span>
                  </button>
                )}
              </div>
            ))}
          </div>
        </div>
        <div role="rowgroup" style={{ height: virtual.getTotalSize(), position: 'relative' }}>
          {items.map(({ index, start }) => {
            const row = rowAt(index);
            return (
              <BodyRow
                key={row === undefined ? index : props.rowKey(row)}
                columns={columns as readonly Column<unknown>[]}
                row={row}
                index={index}
                start={start}
                tracks={tracks.gridTemplateColumns}
                height={rowHeight}
              />
            );
          })}
        </div>
      </div>
    </div>
  );
}

interface BodyRowProps {
  readonly columns: readonly Column<unknown>[];
  readonly row: unknown;
  readonly index: number;
  readonly start: number;
  readonly tracks: string;
  readonly height: number;
}

/** While one scrolls only rows that come into view are drawn: the others have not changed. */
const BodyRow = memo(function BodyRow({ columns, row, index, start, tracks, height }: BodyRowProps): ReactNode {
  return (
    <div
      role="row"
      aria-rowindex={index + 2}
      className="vt-row vt-body-row"
      style={{ gridTemplateColumns: tracks, height, transform: `translateY(${start}px)` }}
    >
      {columns.map((column) => (
        <div key={column.key} role="cell" className={column.align === 'end' ? 'vt-cell number' : 'vt-cell'}>
          {row === undefined ? <span className="vt-placeholder" /> : column.cell(row)}
        </div>
      ))}
    </div>
  );
});
