// The form of a step that is tried before one goes on: its fields, the button that tries them, what came of it, the way on.
import { type ReactNode, useRef, useState } from 'react';
import { useFirstWrong } from '../../forms/first-wrong.ts';
import { Button } from '../../ui/button.tsx';

export interface TriedFormProps {
  readonly onTry: () => void;
  /** On the button that tries: before, and meanwhile. */
  readonly action: string;
  readonly trying: string;
  readonly isTrying: boolean;
  /** It went well: the way on is what comes next. */
  readonly isTried: boolean;
  /** Why the viewer may not. */
  readonly denial: string | null;
  readonly outcome: ReactNode;
  readonly wayOn: ReactNode;
  readonly children: ReactNode;
}

export function TriedForm(props: TriedFormProps): ReactNode {
  const { onTry, action, trying, isTrying, isTried, denial, outcome, wayOn, children } = props;
  const [attempts, setAttempts] = useState(0);
  const form = useRef<HTMLFormElement>(null);
  useFirstWrong(form, attempts);
  return (
    <form
      ref={form}
      className="wizard-form"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        setAttempts(attempts + 1);
        onTry();
      }}
    >
      {children}
      <div>
        <Button type="submit" kind={isTried ? 'secondary' : 'primary'} deniedBecause={denial} isDisabled={isTrying}>
          {isTrying ? trying : action}
        </Button>
      </div>
      <div role="status">{outcome}</div>
      <div className="wizard-actions">{wayOn}</div>
    </form>
  );
}
