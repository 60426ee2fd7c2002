// The state badge of a connection with its menu: start, stop, restart, delete.
import { type ReactNode, useState } from 'react';
import { Button } from 'react-aria-components/Button';
import { Menu, MenuItem, MenuTrigger } from 'react-aria-components/Menu';
import { Popover } from 'react-aria-components/Popover';
import type { ConnectionState } from '../../domain/connection.ts';
import { type ConnectionAction, useConnectionAction, useDeleteConnection } from '../api/connections.ts';
import { useDenial } from '../api/session.ts';
import { text } from '../text/text.ts';
import { Confirm } from './confirm.tsx';
import { notify, notifyFailure } from './notices.tsx';
import { StateBadge } from './state-badge.tsx';

export interface StateMenuProps {
  readonly id: string;
  readonly name: string;
  readonly active: boolean;
  readonly state: ConnectionState;
  readonly onDeleted?: () => void;
}

type Choice = ConnectionAction | 'delete';

export function StateMenu({ id, name, active, state, onDeleted }: StateMenuProps): ReactNode {
  const [asking, setAsking] = useState<'stop' | 'delete' | null>(null);
  const act = useConnectionAction();
  const remove = useDeleteConnection();
  const words = text.connections;
  const denial = useDenial('operator');
  const run = (action: ConnectionAction): Promise<void> =>
    act.mutateAsync({ id, action }).then(() => notify(words.done[action](name)));
  const choose = (choice: Choice): void => {
    if (choice === 'delete' || choice === 'stop') setAsking(choice);
    else run(choice).catch(notifyFailure);
  };
  const choices: readonly Choice[] = active ? ['stop', 'restart', 'delete'] : ['start', 'delete'];
  if (denial !== null) {
    return (
      <span title={denial}>
        <StateBadge state={state} />
      </span>
    );
  }
  return (
    <>
      <MenuTrigger>
        <Button className="button quiet small" aria-label={words.menu(name, text.states[state])}>
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
        <Confirm
          title={words.stopTitle}
          action={words.actions.stop}
          onClose={() => setAsking(null)}
          onConfirm={() => run('stop')}
        >
          {words.stopQuestion(name)}
        </Confirm>
      )}
      {asking === 'delete' && (
        <Confirm
          title={words.deleteTitle}
          action={words.actions.delete}
          isDangerous
          onClose={() => setAsking(null)}
          onConfirm={async () => {
            await remove.mutateAsync(id);
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
