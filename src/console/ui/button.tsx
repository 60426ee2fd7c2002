// Buttons and links that look like buttons.
import type { ReactNode } from 'react';
import { Button as AriaButton } from 'react-aria-components/Button';

export interface ButtonProps {
  readonly children: ReactNode;
  readonly kind?: 'primary' | 'secondary' | 'danger' | 'quiet';
  readonly small?: boolean;
  readonly type?: 'button' | 'submit';
  readonly isDisabled?: boolean;
  readonly label?: string;
  /** Why the viewer may not use it; then it is disabled, and says so. */
  readonly deniedBecause?: string | null;
  readonly autoFocus?: boolean;
  readonly onPress?: () => void;
}

export function Button(props: ButtonProps): ReactNode {
  const { kind = 'secondary', small = false, deniedBecause = null } = props;
  const button = (
    <AriaButton
      className={`button ${kind}${small ? ' small' : ''}`}
      type={props.type ?? 'button'}
      isDisabled={props.isDisabled === true || deniedBecause !== null}
      {...(props.autoFocus === true ? { autoFocus: true } : {})}
      {...(props.label === undefined ? {} : { 'aria-label': props.label })}
      {...(props.onPress === undefined ? {} : { onPress: props.onPress })}
    >
      {props.children}
    </AriaButton>
  );
  return deniedBecause === null ? button : <span title={deniedBecause}>{button}</span>;
}
