// Which broker uplinks come from: one that the bridge knows, or another one, which is tried and then added.
import type { ReactNode } from 'react';
import { useBrokers } from '../../api/brokers.ts';
import type { Draft } from '../../forms/draft.ts';
import { text } from '../../text/text.ts';
import { Button } from '../../ui/button.tsx';
import { LoadNotice } from '../../ui/panel.tsx';
import { BrokerForm } from './broker-form.tsx';
import { typedIn } from './wizard.ts';

const words = text.wizard;

export interface BrokerStepProps {
  readonly draft: Draft;
  readonly onBack: () => void;
  readonly onNext: () => void;
}

export function BrokerStep({ draft, onBack, onNext }: BrokerStepProps): ReactNode {
  const known = useBrokers();
  if (known.data === undefined) return <LoadNotice state={known} />;
  const isNew = draft.values.brokerIsNew === true;
  const chosen = typedIn(draft.values, 'broker');
  const choose = (broker: string | null): void => {
    draft.set('brokerIsNew', broker === null);
    if (broker !== null) draft.set('broker', broker);
  };
  const isOnly = known.data.length === 1;
  return (
    <>
      <div className="wizard-form">
        <p className="muted">{words.brokerHint}</p>
        <fieldset className="wizard-projects">
          <legend>{words.brokerQuestion}</legend>
          {!isOnly && (
            <BrokerChoice isChosen={!isNew && chosen === ''} onChoose={() => choose('')}>
              {words.usualBroker}
            </BrokerChoice>
          )}
          {known.data.map(({ name, url }) => {
            const value = isOnly ? '' : name;
            return (
              <BrokerChoice key={name} isChosen={!isNew && chosen === value} onChoose={() => choose(value)}>
                <strong>{name}</strong> <span className="mono">{url}</span>
              </BrokerChoice>
            );
          })}
          <BrokerChoice isChosen={isNew} onChoose={() => choose(null)}>
            {words.anotherBroker}
          </BrokerChoice>
        </fieldset>
      </div>
      {isNew ? (
        <BrokerForm
          draft={draft}
          onBack={onBack}
          onAdded={(name) => {
            choose(name);
            for (const field of ['Address', 'User', 'Password', 'Ca', 'Name']) draft.set(`broker${field}`, '');
            onNext();
          }}
        />
      ) : (
        <div className="wizard-actions">
          <Button onPress={onBack}>{words.back}</Button>
          <Button kind="primary" onPress={onNext}>
            {words.next}
          </Button>
        </div>
      )}
    </>
  );
}

interface ChoiceProps {
  readonly isChosen: boolean;
  readonly onChoose: () => void;
  readonly children: ReactNode;
}

function BrokerChoice({ isChosen, onChoose, children }: ChoiceProps): ReactNode {
  return (
    <label>
      <input type="radio" name="broker" checked={isChosen} onChange={onChoose} />
      <span>{children}</span>
    </label>
  );
}
