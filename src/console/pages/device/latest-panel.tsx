// The device's next uplink as it comes: the decoded message beside the record for HERE, with the rule behind each field.
import { type ReactNode, useState } from 'react';
import { type Following, type HeardUplink, useHeardUplink, useTriedHeard } from '../../api/latest-uplink.ts';
import { text } from '../../text/text.ts';
import { Button } from '../../ui/button.tsx';
import { Json } from '../../ui/json.tsx';
import { Panel } from '../../ui/panel.tsx';
import { Scroller } from '../../ui/scroller.tsx';
import { Moment } from '../../ui/time.tsx';
import { TriedResult } from '../try/tried-result.tsx';
import { useOpenInTry } from '../try/use-open-in-try.ts';
import type { OfDevice } from './uplinks-panel.tsx';

const words = text.device;

export function LatestPanel({ id, device }: OfDevice): ReactNode {
  const [isHeld, setHeld] = useState(false);
  const following = useHeardUplink(id, device, isHeld);
  const query = useTriedHeard(id, device, following.latest);
  const openInTry = useOpenInTry();
  const shown = query.data ?? null;
  const payload = shown?.heard.payload;
  return (
    <>
      <Panel
        title={words.latest}
        note={stateOf(following)}
        end={
          shown !== null && (
            <div className="latest-actions">
              {payload !== undefined && <Button onPress={() => openInTry(payload)}>{words.openInTry}</Button>}
              <Button kind={isHeld ? 'primary' : 'secondary'} onPress={() => setHeld(!isHeld)}>
                {isHeld ? words.followOn : words.hold}
              </Button>
            </div>
          )
        }
      >
        {following.state === 'lost' && (
          <p className="banner warn" role="alert">
            {following.reason === null ? text.tail.lost : text.tail.lostBecause(following.reason)}
          </p>
        )}
        {query.error !== null && (
          <p className="banner bad" role="alert">
            {query.error.message}
          </p>
        )}
        {shown === null ? (
          <p className="muted">{words.waitsForUplink}</p>
        ) : (
          <dl className="pairs">
            <dt>{words.arrived}</dt>
            <dd>
              <Moment at={shown.heard.time} />
            </dd>
            <dt>{text.deadLetters.topic}</dt>
            <dd className="mono">{shown.heard.topic}</dd>
          </dl>
        )}
      </Panel>
      {shown !== null && (
        <div className="try">
          <Panel title={words.message}>
            <Message heard={shown.heard} />
          </Panel>
          <section aria-label={text.tryUplink.result}>
            {shown.tried !== null && <TriedResult tried={shown.tried} />}
          </section>
        </div>
      )}
    </>
  );
}

function stateOf({ state }: Following): string {
  if (state === 'live') return text.tail.isLive;
  if (state === 'held') return words.isHeld;
  return state === 'connecting' ? text.common.loading : '';
}

function Message({ heard }: { readonly heard: HeardUplink }): ReactNode {
  const { payload, tooLarge } = heard;
  if (payload === undefined) {
    return <p className="muted">{tooLarge === undefined ? text.deadLetters.binary : words.tooLarge}</p>;
  }
  const value = parsed(payload);
  if (value !== undefined) return <Json label={words.message} value={value} />;
  return (
    <Scroller label={words.message}>
      <pre className="json">{payload}</pre>
    </Scroller>
  );
}

/** undefined: it is no JSON. */
function parsed(payload: string): unknown {
  try {
    return JSON.parse(payload) as unknown;
  } catch {
    return undefined;
  }
}
