// About: which version this is, where it keeps its data, its licences, and how to get help.
import type { ReactNode } from 'react';
import { useSupportBundle } from '../../api/support-bundle.ts';
import { useStatus } from '../../api/workers.ts';
import { text } from '../../text/text.ts';
import { Button } from '../../ui/button.tsx';
import { fileTime, saveFile } from '../../ui/download.ts';
import { notify, notifyFailure } from '../../ui/notices.tsx';
import { LoadNotice, Panel } from '../../ui/panel.tsx';
import { Moment } from '../../ui/time.tsx';

const words = text.about;

export function AboutPage(): ReactNode {
  const query = useStatus();
  const status = query.data;
  const bundle = useSupportBundle();
  const save = (content: string): void => {
    const file = `here-bridge-support-${fileTime()}.json`;
    saveFile(file, 'application/json', [content]);
    notify(words.saved(file));
  };
  return (
    <>
      <div className="page-head">
        <h1>{text.nav.about}</h1>
      </div>
      <Panel title={words.bridge}>
        {status === undefined ? (
          <LoadNotice state={query} />
        ) : (
          <dl className="pairs">
            <dt>{words.version}</dt>
            <dd>
              {text.product} {status.version}
            </dd>
            <dt>{words.worker}</dt>
            <dd className="mono">{status.worker}</dd>
            <dt>{text.workers.started}</dt>
            <dd>
              <Moment at={status.startedAt} />
            </dd>
            <dt>{words.ready}</dt>
            <dd>{status.ready ? words.yes : words.no}</dd>
            <dt>{words.dataDir}</dt>
            <dd className="mono">{status.dataDir}</dd>
            <dt>{words.brokers}</dt>
            <dd>
              {status.brokers.map(({ name, kind, url }) => (
                <div key={name}>
                  {name} ({kind}) <span className="mono">{url}</span>
                </div>
              ))}
            </dd>
          </dl>
        )}
      </Panel>
      <Panel title={words.help}>
        <p>
          <a href="/docs">{words.api}</a>
        </p>
        <p>{words.licences}</p>
        <p>{words.support}</p>
        <p>
          <Button
            isDisabled={bundle.isPending}
            onPress={() => bundle.mutate(undefined, { onSuccess: save, onError: notifyFailure })}
          >
            {words.download}
          </Button>
        </p>
        <p className="muted">{words.command}</p>
        <pre>here-bridge support-bundle</pre>
      </Panel>
    </>
  );
}
