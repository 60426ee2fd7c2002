// The commands of a device and what became of each; sends a new one by the desired shadow at HERE.
import type { ReactNode } from 'react';
import { type CommandRow, useCancelCommand, useCommands } from '../../api/commands.ts';
import { useDenial } from '../../api/session.ts';
import { SendDownlink } from '../../forms/send-downlink.tsx';
import { text } from '../../text/text.ts';
import { Button } from '../../ui/button.tsx';
import { notify, notifyFailure } from '../../ui/notices.tsx';
import { LoadNotice, Panel } from '../../ui/panel.tsx';
import { Scroller } from '../../ui/scroller.tsx';
import { Moment } from '../../ui/time.tsx';
import type { OfDevice } from './uplinks-panel.tsx';

const words = text.device;
const KIND: Partial<Record<CommandRow['state'], string>> = {
  reported: 'good',
  sent: 'good',
  notSent: 'warn',
  rejected: 'bad',
  unreported: 'warn',
  refused: 'bad',
  expired: 'bad',
};

export function CommandsPanel({ id, device }: OfDevice): ReactNode {
  const query = useCommands(id, device);
  return (
    <Panel title={words.commands}>
      <SendDownlink id={id} device={device} />
      {query.data === undefined ? (
        <LoadNotice state={query} />
      ) : query.data.length === 0 ? (
        <p className="muted">{words.noCommands}</p>
      ) : (
        <Scroller label={words.commands}>
          <ul className="uplinks">
            {query.data.map((command) => (
              <Row key={command.id} id={id} command={command} />
            ))}
          </ul>
        </Scroller>
      )}
    </Panel>
  );
}

function Row({ id, command }: { readonly id: string; readonly command: CommandRow }): ReactNode {
  const cancel = useCancelCommand(id);
  const denial = useDenial('operator');
  const number = String(command.id);
  const parts = [
    command.version === null ? null : words.version(String(command.version)),
    command.attempt > 1 ? words.attempts(String(command.attempt)) : null,
    command.cause,
  ];
  return (
    <li>
      <Moment at={command.seenAt} />
      <span className={`badge ${KIND[command.state] ?? 'none'}`}>{words.commandStates[command.state]}</span>
      <span className="uplink-waits muted">
        {parts.filter((part) => part !== null && part !== '').join(' · ')}
        {command.state === 'waiting' && (
          <Button
            small
            label={words.cancelCommand(number)}
            deniedBecause={denial}
            onPress={() =>
              cancel.mutate(command.id, { onSuccess: () => notify(words.cancelled(number)), onError: notifyFailure })
            }
          >
            {text.common.cancel}
          </Button>
        )}
      </span>
    </li>
  );
}
