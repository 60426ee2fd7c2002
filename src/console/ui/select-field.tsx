// A choice of one of a few, with its label: the browser's own control.
import { type ReactNode, useId } from 'react';
import { text } from '../text/text.ts';

export interface SelectFieldProps<T extends string> {
  readonly label: string;
  /** Undefined: none, which is all. */
  readonly value: T | undefined;
  readonly options: readonly T[];
  readonly nameOf: (option: T) => string;
  /** What no choice is called; "All" by default. */
  readonly none?: string;
  readonly onChange: (value: T | undefined) => void;
}

export function SelectField<T extends string>(props: SelectFieldProps<T>): ReactNode {
  const { label, value, options, nameOf, none = text.common.all, onChange } = props;
  const id = useId();
  return (
    <div className="field">
      <label className="field-label" htmlFor={id}>
        {label}
      </label>
      <select
        id={id}
        className="input"
        value={value ?? ''}
        onChange={(event) => onChange(options.find((each) => each === event.target.value))}
      >
        <option value="">{none}</option>
        {options.map((each) => (
          <option key={each} value={each}>
            {nameOf(each)}
          </option>
        ))}
      </select>
    </div>
  );
}
