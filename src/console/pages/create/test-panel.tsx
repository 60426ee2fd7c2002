// The result of testing a definition before it is saved, step by step.
import type { ReactNode } from 'react';
import type { ConnectionTest, TestStep } from '../../../domain/ports/desk.ts';
import { text } from '../../text/text.ts';
import { Panel } from '../../ui/panel.tsx';
import './create.css';

const words = text.test;
const KIND: Readonly<Record<TestStep['result'], string>> = {
  ok: 'good',
  warning: 'warn',
  failed: 'bad',
  skipped: 'none',
};

export interface TestPanelProps {
  readonly isRunning: boolean;
  /** The test itself could not be made. */
  readonly error: Error | null;
  readonly result: ConnectionTest | undefined;
}

export function TestPanel({ isRunning, error, result }: TestPanelProps): ReactNode {
  if (!isRunning && error === null && result === undefined) return null;
  return (
    <Panel title={words.title}>
      <div role="status">
        {isRunning && <p>{words.running}</p>}
        {!isRunning && error !== null && <p className="field-error">{error.message}</p>}
        {!isRunning && result !== undefined && (
          <>
            <p>
              <strong>{result.ok ? words.good : words.bad}</strong>
            </p>
            <ul className="test-steps">
              {result.steps.map((step) => (
                <li key={step.step}>
                  <span className={`badge ${KIND[step.result]}`}>{words.results[step.result]}</span>
                  <strong>{words.steps[step.step]}</strong>
                  <span>{[step.message, ...(step.errors ?? []).map(({ message }) => message)].join(' · ')}</span>
                </li>
              ))}
            </ul>
          </>
        )}
      </div>
    </Panel>
  );
}
