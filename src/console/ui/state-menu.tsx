// The state badge of a connection with its menu: start, stop, restart, delete.
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { Button } from 'react-aria-components/Button';
import { Menu, MenuItem, MenuTrigger } from 'react-aria-components/Menu';
import { Popover } from 'react-aria-components/Popover';
import type { ConnectionState } from '../../domain/connection.ts';
import { type ConnectionAction, useConnectionAction, useDeleteConnection } from '../api/connections.ts';
import { text } from '../text/text.ts';
import { Confirm } from './confirm.tsx';
import { focusIfLost } from './focus.ts';
import { notify, notifyFailure } from './notices.tsx';
import { StateBadge } from './state-badge.tsx';

export interface StateMenuProps {
  readonly id: string;
  readonly name: string;
  readonly active: boolean;
  readonly state: ConnectionState;
  readonly onDeleted?: () => void;
  /** Why the viewer may not: lists ask it once for all rows. */
  readonly denial: string | null;
}

type Choice = ConnectionAction | 'delete';

/** Until it is pressed, a plain button: of thousands of rows each would bring a menu along. */
export function StateMenu(props: StateMenuProps): ReactNode {
  const [isWanted, setWanted] = useState(false);
  const { denial } = props;
  if (denial !== null) {
    return (
      <span title={denial}>
        <StateBadge state={props.state} />
      </span>
    );
  }
  if (isWanted) return <WholeMenu {...props} />;
  return (
    <button
      type="button"
      className="button quiet small"
      aria-haspopup="true"
      aria-expanded={false}
      aria-label={text.connections.menu(props.name, text.states[props.state])}
      onClick={() => setWanted(true)}
      onKeyDown={(event) => {
        if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
        event.preventDefault();
        setWanted(true);
      }}
    >
      <StateBadge state={props.state} />
      <span aria-hidden="true">▾</span>
    </button>
  );
}

function WholeMenu({ id, name, active, state, onDeleted }: StateMenuProps): ReactNode {
  const [asking, setAsking] = useState<'stop' | 'delete' | null>(null);
  const act = useConnectionAction();
  const remove = useDeleteConnection();
  const words = text.connections;
  const button = useRef<HTMLButtonElement>(null);
  const isDeleted = useRef(false);
  // The item of the menu that opened a dialog is gone when that closes; and a row goes with its connection.
  const close = (): void => {
    setAsking(null);
    focusIfLost(() => button.current);
  };
  useEffect(
    () => () => {
      if (isDeleted.current) focusIfLost(() => document.getElementById('content'));
    },
    [],
  );
  const run = (action: ConnectionAction): Promise<void> =>
    act.mutateAsync({ id, action }).then(() => notify(words.done[action](name)));
  const choose = (choice: Choice): void => {
    if (choice === 'delete' || choice === 'stop') setAsking(choice);
    else run(choice).catch(notifyFailure);
  };
  const choices: readonly Choice[] = active ? ['stop', 'restart', 'delete'] : ['start', 'delete'];
  return (
    <>
      <MenuTrigger defaultOpen>
        <Button ref={button} autoFocus className="button quiet small" aria-label={words.menu(name, text.states[state])}>
          <StateBadge state={state} />
          <span aria-hidden="true">▾</span>
        </Button>
        <Popover className="popover menu-popover" placement="bottom end">
          <Menu className="menu" onAction={(key) => choose(key as Choice)}>
            {choices.map((choice) => (
              <MenuItem key={choice} id={choice} className="menu-item">
                {words.actions[choice]}
              </MenuItem>
            ))}
          </Menu>
        </Popover>
      </MenuTrigger>
      {asking === 'stop' && (
        <Confirm title={words.stopTitle} action={words.actions.stop} onClose={close} onConfirm={() => run('stop')}>
          {words.stopQuestion(name)}
        </Confirm>
      )}
      {asking === 'delete' && (
        <Confirm
          title={words.deleteTitle}
          action={words.actions.delete}
          isDangerous
          onClose={close}
          onConfirm={async () => {
            await remove.mutateAsync(id);
            isDeleted.current = true;
            notify(words.done.delete(name));
            onDeleted?.();
          }}
        >
          {words.deleteQuestion(name)}
        </Confirm>
      )}
    </>
  );
}
