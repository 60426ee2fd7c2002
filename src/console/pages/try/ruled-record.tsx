// A record for HERE; the line under the pointer, or that has the focus or was tapped, tells the rule that gave it.
import { type ReactNode, useMemo, useState } from 'react';
import type { TriedField } from '../../api/trial.ts';
import { text } from '../../text/text.ts';
import { Scroller } from '../../ui/scroller.tsx';
import { linesOf, ruleFinder } from './record-lines.ts';

const words = text.tryUplink;
/** Deeper in a field (an uplink within `payload`) lines have a hint alone: nobody tabs through hundreds. */
const MAX_DEPTH = 1;
const CLOSES = /^\s*[\]}]/;

export interface RuledRecordProps {
  readonly record: unknown;
  readonly fields: readonly TriedField[];
}

export function RuledRecord({ record, fields }: RuledRecordProps): ReactNode {
  const lines = useMemo(() => {
    const ruleOf = ruleFinder(fields);
    const all = linesOf(record);
    return all.map(({ text: line, path }, at) => {
      const found = ruleOf(path);
      const isFirst = all[at - 1]?.path !== path && !CLOSES.test(line);
      return { line, path, rule: found?.rule ?? null, isStop: isFirst && found !== null && found.depth <= MAX_DEPTH };
    });
  }, [record, fields]);
  const [chosen, setChosen] = useState<string | null>(null);
  const rule = lines.find(({ path }) => path === chosen)?.rule ?? null;
  return (
    <>
      <Scroller label={words.record}>
        <pre className="json">
          {lines.map((each, at) => {
            const isChosen = rule !== null && each.path === chosen;
            const shared = {
              className: isChosen ? 'ruled-line chosen' : 'ruled-line',
              ...(each.rule === null ? {} : { title: words.by(each.rule) }),
              children: `${each.line}\n`,
            };
            // biome-ignore lint/suspicious/noArrayIndexKey: lines have no other identity
            if (!each.isStop) return <span key={at} {...shared} />;
            const choose = (): void => setChosen(each.path);
            return (
              // biome-ignore lint/suspicious/noArrayIndexKey: lines have no other identity
              <button key={at} type="button" {...shared} onPointerEnter={choose} onFocus={choose} onClick={choose} />
            );
          })}
        </pre>
      </Scroller>
      <p className="ruled-caption muted">
        {rule === null ? (
          words.pointAtField
        ) : (
          <>
            <code>{chosen}</code> <strong>{words.by(rule)}</strong>
          </>
        )}
      </p>
    </>
  );
}
