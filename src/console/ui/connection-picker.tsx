// A connection chosen by its name, of however many: the bridge searches, and the first that fit are offered.
import { type ReactNode, useState } from 'react';
import { Button } from 'react-aria-components/Button';
import { ComboBox } from 'react-aria-components/ComboBox';
import { Input } from 'react-aria-components/Input';
import { Label } from 'react-aria-components/Label';
import { ListBox, ListBoxItem } from 'react-aria-components/ListBox';
import { Popover } from 'react-aria-components/Popover';
import { useConnectionName, useConnectionSearch } from '../api/connections.ts';
import { text } from '../text/text.ts';

const words = text.events;

export interface ConnectionPickerProps {
  /** Id of the one that is chosen; undefined: none, which is all. */
  readonly value: string | undefined;
  readonly onChange: (id: string | undefined) => void;
}

interface Named {
  readonly id: string;
  readonly name: string;
}

/** What is searched is its name; to empty the field is to choose none. */
export function ConnectionPicker({ value, onChange }: ConnectionPickerProps): ReactNode {
  const [typed, setTyped] = useState('');
  const [isOpen, setOpen] = useState(false);
  const name = useConnectionName(value ?? null);
  const chosen: Named | null = value === undefined ? null : { id: value, name };
  // The name of the one that is chosen is no search.
  const q = typed === chosen?.name ? '' : typed.trim();
  const { data: found = [] } = useConnectionSearch(q, isOpen || q !== '');
  // The control takes what it shows from its list, so the one that is chosen is always on it.
  // What was found for less is still there while more is looked for: of that, what fits.
  const fits = found.filter(({ id, name }) => `${name}\n${id}`.toLowerCase().includes(q.toLowerCase()));
  const items = chosen === null ? fits : [chosen, ...fits.filter(({ id }) => id !== chosen.id)];
  return (
    <ComboBox
      className="field"
      items={items}
      value={value ?? null}
      onChange={(key) => onChange(key === null ? undefined : String(key))}
      onInputChange={setTyped}
      onOpenChange={setOpen}
      allowsEmptyCollection
    >
      <span className="field-label">
        <Label>{words.connection}</Label>
      </span>
      <div className="field-control">
        <Input className="input" type="search" placeholder={words.anyConnection} dir="auto" />
        <Button className="button secondary" aria-label={words.showConnections}>
          <span aria-hidden="true">▾</span>
        </Button>
      </div>
      <Popover className="popover menu-popover">
        <ListBox<Named>
          className="menu picker-list"
          renderEmptyState={() => <p className="muted picker-none">{words.noConnection}</p>}
        >
          {({ id, name }) => (
            <ListBoxItem id={id} textValue={name} className="menu-item">
              <bdi>{name}</bdi>
            </ListBoxItem>
          )}
        </ListBox>
      </Popover>
    </ComboBox>
  );
}
