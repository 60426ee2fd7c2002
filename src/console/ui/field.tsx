// Text fields as forms need them: label, info tip, tick when valid, the complaint beside it, an eye for passwords.
import { type ReactNode, useState } from 'react';
import { FieldError } from 'react-aria-components/FieldError';
import { Input } from 'react-aria-components/Input';
import { Label } from 'react-aria-components/Label';
import { Text } from 'react-aria-components/Text';
import { TextArea } from 'react-aria-components/TextArea';
import { TextField as AriaTextField } from 'react-aria-components/TextField';
import { text } from '../text/text.ts';
import { Button } from './button.tsx';
import { EyeIcon } from './icons.tsx';
import { InfoTip } from './info-tip.tsx';

export interface TextFieldProps {
  readonly label: string;
  readonly name: string;
  readonly value: string;
  readonly onChange: (value: string) => void;
  readonly kind?: 'text' | 'email' | 'password' | 'long' | 'search' | 'number';
  readonly info?: string | undefined;
  readonly hint?: string | undefined;
  readonly placeholder?: string | undefined;
  readonly isRequired?: boolean;
  readonly isDisabled?: boolean;
  readonly autoFocus?: boolean;
  readonly autoComplete?: string;
  /** The complaint in plain words; null: none; absent: there can be none, so no room is kept for it. */
  readonly error?: string | null;
  /** Shows the green tick. */
  readonly isValid?: boolean;
  readonly onBlur?: () => void;
  /** Beside the input, for example a look-up button. */
  readonly end?: ReactNode;
}

export function TextField(props: TextFieldProps): ReactNode {
  const { label, kind = 'text', error = null, isValid = false, isRequired = false } = props;
  const [isShown, setShown] = useState(false);
  const type = kind === 'password' && isShown ? 'text' : kind === 'long' || kind === 'number' ? 'text' : kind;
  const placeholder = props.placeholder === undefined ? {} : { placeholder: props.placeholder };
  return (
    <AriaTextField
      className={`field${error !== null ? ' is-wrong' : isValid ? ' is-valid' : ''}`}
      name={props.name}
      value={props.value}
      onChange={props.onChange}
      isRequired={isRequired}
      isDisabled={props.isDisabled === true}
      isInvalid={error !== null}
      validationBehavior="aria"
      type={type}
      autoComplete={props.autoComplete ?? (kind === 'password' ? 'new-password' : 'off')}
      {...(kind === 'number' ? { inputMode: 'numeric' as const } : {})}
      {...(props.autoFocus === true ? { autoFocus: true } : {})}
      {...(props.onBlur === undefined ? {} : { onBlur: props.onBlur })}
    >
      <span className="field-label">
        <Label>
          {label}
          {isRequired && <span aria-hidden="true">*</span>}
        </Label>
        {props.info !== undefined && <InfoTip about={label}>{props.info}</InfoTip>}
      </span>
      <div className="field-control">
        <span className="field-entry">
          {kind === 'long' ? (
            <TextArea className="input" {...placeholder} />
          ) : (
            <Input className="input" {...placeholder} />
          )}
          {isValid && error === null && (
            <span className="field-tick" aria-hidden="true">
              ✓
            </span>
          )}
        </span>
        {kind === 'password' && (
          <Button
            label={isShown ? text.common.hide(label) : text.common.show(label)}
            onPress={() => setShown(!isShown)}
          >
            <EyeIcon isCrossed={isShown} />
          </Button>
        )}
        {props.end}
      </div>
      {props.hint !== undefined && (
        <Text slot="description" className="field-hint">
          {props.hint}
        </Text>
      )}
      {props.error !== undefined && (
        <div className="field-below">
          <FieldError className="field-error">{error}</FieldError>
        </div>
      )}
    </AriaTextField>
  );
}
