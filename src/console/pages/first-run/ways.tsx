// The three ways to begin: watch a demo, connect an account, paste an uplink.
import { Link, useNavigate } from '@tanstack/react-router';
import type { ReactNode } from 'react';
import { useChangeDemo, useDemo } from '../../api/demo.ts';
import { useDenial } from '../../api/session.ts';
import { text } from '../../text/text.ts';
import { Button } from '../../ui/button.tsx';
import { notify } from '../../ui/notices.tsx';
import './first-run.css';

const words = text.firstRun;

export function Ways(): ReactNode {
  return (
    <section aria-label={words.title}>
      <p className="muted ways-hint">{words.hint}</p>
      <div className="ways">
        <DemoWay />
        <div className="way">
          <h2>{words.accountTitle}</h2>
          <p>{words.accountHint}</p>
          <Link className="button primary" to="/start/connect" search={{ step: 'account' }}>
            {words.accountStart}
          </Link>
        </div>
        <div className="way">
          <h2>{words.pasteTitle}</h2>
          <p>{words.pasteHint}</p>
          <Link className="button primary" to="/try">
            {words.pasteStart}
          </Link>
        </div>
      </div>
    </section>
  );
}

function DemoWay(): ReactNode {
  const demo = useDemo();
  const change = useChangeDemo();
  const denial = useDenial('operator');
  const navigate = useNavigate();
  const unavailable = demo.data?.unavailable ?? null;
  const isOn = demo.data?.state === 'running';
  const start = (): void =>
    change.mutate('start', {
      onSuccess: () => {
        notify(words.demoStarted);
        void navigate({ to: '/connections' });
      },
    });
  return (
    <div className="way">
      <h2>{words.demoTitle}</h2>
      <p>{words.demoHint}</p>
      {unavailable !== null && <p className="muted">{unavailable}</p>}
      {change.error !== null && (
        <p className="field-error" role="alert">
          {change.error.message}
        </p>
      )}
      <Button
        kind="primary"
        deniedBecause={denial ?? unavailable}
        isDisabled={change.isPending || isOn}
        onPress={start}
      >
        {change.isPending ? words.demoStarting : words.demoStart}
      </Button>
    </div>
  );
}
