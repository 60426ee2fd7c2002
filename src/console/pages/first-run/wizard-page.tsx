// Connecting a HERE account in four steps, each tested before the next. What was typed outlives a reload; passwords do not.
import { useNavigate, useSearch } from '@tanstack/react-router';
import { type ReactNode, useEffect, useRef } from 'react';
import { useDraft } from '../../forms/draft.ts';
import { text } from '../../text/text.ts';
import { AccountStep } from './account-step.tsx';
import { BrokerStep } from './broker-step.tsx';
import { NameStep } from './name-step.tsx';
import { TopicStep } from './topic-step.tsx';
import { STEPS, type StepName, typedIn } from './wizard.ts';
import './first-run.css';

const words = text.wizard;
const SECRETS = ['password', 'brokerPassword'];

export function WizardPage(): ReactNode {
  const { step: wanted } = useSearch({ from: '/start/connect' });
  const navigate = useNavigate();
  const draft = useDraft('first-run', SECRETS);
  // A later step without what comes before it: somebody has come by an old address.
  const step: StepName = typedIn(draft.values, 'appId') === '' ? 'account' : wanted;
  const go = (to: StepName): void => void navigate({ to: '/start/connect', search: { step: to } });
  // The button that led here is gone: whoever goes by keys begins at the step, where it has no field of its own to begin with.
  const head = useRef<HTMLLIElement>(null);
  const before = useRef(step);
  useEffect(() => {
    if (before.current === step) return;
    before.current = step;
    if (document.activeElement === document.body) head.current?.focus();
  }, [step]);
  const number = STEPS.indexOf(step) + 1;
  return (
    <div className="wizard">
      <h1>{words.title}</h1>
      <ol className="wizard-steps" aria-label={words.step(String(number), String(STEPS.length))}>
        {STEPS.map((each, index) => (
          <li
            key={each}
            ref={each === step ? head : null}
            tabIndex={each === step ? -1 : undefined}
            aria-current={each === step ? 'step' : undefined}
            className={index + 1 < number ? 'is-done' : ''}
          >
            {words.steps[each]}
          </li>
        ))}
      </ol>
      {step === 'account' && <AccountStep draft={draft} onNext={() => go('broker')} />}
      {step === 'broker' && <BrokerStep draft={draft} onBack={() => go('account')} onNext={() => go('topic')} />}
      {step === 'topic' && <TopicStep draft={draft} onBack={() => go('broker')} onNext={() => go('name')} />}
      {step === 'name' && <NameStep draft={draft} onBack={() => go('topic')} />}
    </div>
  );
}
