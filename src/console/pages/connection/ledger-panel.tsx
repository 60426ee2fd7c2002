// The ledger as a balance: what came in on one side, where it is on the other; both bars have the same length.
import { Link } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { imbalance, type Ledger, sumReasons } from '../../../domain/ledger.ts';
import { formatCount, formatShort, text } from '../../text/text.ts';
import { Panel } from '../../ui/panel.tsx';

const words = text.ledger;

interface Part {
  readonly key: 'delivered' | 'pending' | 'expired' | 'filtered' | 'skipped' | 'deadLettered';
  readonly count: number;
  readonly reasons: readonly (readonly [string, number])[];
}

export function LedgerPanel({ id, ledger }: { readonly id: string; readonly ledger: Ledger }): ReactNode {
  const parts = partsOf(ledger);
  const off = imbalance(ledger);
  return (
    <Panel
      title={words.title}
      note={off === 0 ? words.balanced : undefined}
      end={
        <Link className="button small" to="/connections/$id/dead-letters" params={{ id }}>
          {text.deadLetters.look}
        </Link>
      }
    >
      {off !== 0 && (
        <p className="banner bad" role="alert">
          {words.off(formatCount(off))}
        </p>
      )}
      <div className="balance">
        <div className="balance-side">
          <p className="balance-number">{formatShort(ledger.received)}</p>
          <p>{words.received}</p>
        </div>
        <p className="balance-equals" aria-hidden="true">
          =
        </p>
        <dl className="balance-parts">
          {parts.map((part) => (
            <div key={part.key} className={`balance-part ${part.key}`}>
              <dt>{words.columns[part.key]}</dt>
              <dd>
                <strong title={formatCount(part.count)}>{formatShort(part.count)}</strong>
                {part.reasons.map(([reason, count]) => (
                  <span key={reason} className="muted">
                    {part.key === 'deadLettered' ? (text.deadLetters.reasons[reason] ?? reason) : reason}:{' '}
                    {formatCount(count)}
                  </span>
                ))}
              </dd>
            </div>
          ))}
        </dl>
      </div>
      <div className="balance-bar" aria-hidden="true">
        {parts
          .filter(({ count }) => count > 0)
          .map((part) => (
            <span key={part.key} className={part.key} style={{ flexGrow: part.count }} />
          ))}
      </div>
    </Panel>
  );
}

function partsOf(ledger: Ledger): readonly Part[] {
  const column = (key: 'expired' | 'filtered' | 'skipped' | 'deadLettered'): Part => {
    const reasons = Object.entries(ledger[key]).filter((entry): entry is [string, number] => (entry[1] ?? 0) > 0);
    return { key, count: sumReasons(ledger[key]), reasons };
  };
  return [
    { key: 'delivered', count: ledger.delivered, reasons: [] },
    { key: 'pending', count: ledger.pending, reasons: [] },
    column('expired'),
    column('filtered'),
    column('skipped'),
    column('deadLettered'),
  ];
}
