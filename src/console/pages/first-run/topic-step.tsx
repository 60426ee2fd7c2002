// Where uplinks come from: the bridge listens there, and shows the first one as HERE would get it.
import type { ReactNode } from 'react';
import type { ConnectionTest, TestStep } from '../../../domain/ports/desk.ts';
import { useTestConnection } from '../../api/here.ts';
import { useDenial } from '../../api/session.ts';
import type { Tried } from '../../api/trial.ts';
import type { Draft } from '../../forms/draft.ts';
import { text } from '../../text/text.ts';
import { Button } from '../../ui/button.tsx';
import { TextField } from '../../ui/field.tsx';
import { TestPanel } from '../create/test-panel.tsx';
import { TriedResult } from '../try/tried-result.tsx';
import { PasswordField } from './password-again.tsx';
import { definitionOf, typedIn } from './wizard.ts';

const words = text.wizard;
const LISTEN_MS = 10_000;

export interface TopicStepProps {
  readonly draft: Draft;
  readonly onBack: () => void;
  readonly onNext: () => void;
}

export function TopicStep({ draft, onBack, onNext }: TopicStepProps): ReactNode {
  const test = useTestConnection(LISTEN_MS);
  const denial = useDenial('operator');
  const hasPassword = typedIn(draft.values, 'password') !== '';
  const change = (name: string, value: string): void => {
    draft.set(name, value);
    test.reset();
  };
  const uplink = uplinkOf(test.data);
  const source = test.data?.steps.find(({ step }) => step === 'source');
  return (
    <form
      className="wizard-form"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        if (hasPassword) test.mutate(definitionOf(draft.values));
      }}
    >
      <p className="muted">{words.topicHint}</p>
      <TextField
        label={words.pattern}
        name="pattern"
        info={words.patternInfo}
        placeholder="mqtt/things/{DevEUI}/uplink"
        value={typedIn(draft.values, 'pattern')}
        onChange={(value) => change('pattern', value)}
      />
      {(!hasPassword || test.data === undefined) && <PasswordField draft={draft} hint={words.passwordAgain} />}
      <div>
        <Button
          type="submit"
          kind={test.data === undefined ? 'primary' : 'secondary'}
          deniedBecause={denial}
          isDisabled={test.isPending || !hasPassword}
        >
          {words.listen}
        </Button>
      </div>
      {test.isPending && <p role="status">{words.listening}</p>}
      <TestPanel isRunning={false} error={test.error} result={test.data} />
      {uplink !== null && (
        <section aria-label={words.firstUplink}>
          <p className="wizard-found">{words.firstUplink}</p>
          <TriedResult tried={uplink} />
        </section>
      )}
      {source?.result === 'warning' && <p className="banner warn">{words.silent}</p>}
      <div className="wizard-actions">
        <Button onPress={onBack}>{words.back}</Button>
        <Button kind="primary" isDisabled={test.data?.ok !== true} onPress={onNext}>
          {words.next}
        </Button>
      </div>
    </form>
  );
}

function uplinkOf(test: ConnectionTest | undefined): Tried | null {
  const source: TestStep | undefined = test?.steps.find(({ step }) => step === 'source');
  return (source?.details?.uplink as Tried | undefined) ?? null;
}
