// Connecting a HERE account in four steps, each tested before the next. What was typed outlives a reload; passwords do not.
import { useNavigate, useSearch } from '@tanstack/react-router';
import type { ReactNode } from 'react';
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
  const number = STEPS.indexOf(step) + 1;
  return (
    <div className="wizard">
      <h1>{words.title}</h1>
      <ol className="wizard-steps" aria-label={words.step(String(number), String(STEPS.length))}>
        {STEPS.map((each, index) => (
          <li
            key={each}
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
