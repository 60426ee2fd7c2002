// The commands of a device and what became of each; sends a new one by the desired shadow at HERE.
import { type ReactNode, useState } from 'react';
import { type CommandRow, useCancelCommand, useCommands, useSendCommand } from '../../api/commands.ts';
import { useDenial } from '../../api/session.ts';
import { text } from '../../text/text.ts';
import { Button } from '../../ui/button.tsx';
import { TextField } from '../../ui/field.tsx';
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
      <SendForm id={id} device={device} />
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

function SendForm({ id, device }: OfDevice): ReactNode {
  const [payload, setPayload] = useState('{ "FPort": 2, "payload_hex": "" }');
  const [complaint, setComplaint] = useState<string | null>(null);
  const send = useSendCommand(id, device);
  const submit = (): void => {
    const document = objectOf(payload);
    if (document === null) setComplaint(words.notObject);
    else
      send.mutate(document, {
        onSuccess: () => notify(words.sent(device)),
        onError: (error) => setComplaint(error.message),
      });
  };
  return (
    <form
      className="send-command"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <TextField
        label={words.payload}
        name="payload"
        kind="long"
        info={words.payloadInfo}
        value={payload}
        error={complaint}
        onChange={(next) => {
          setPayload(next);
          setComplaint(null);
        }}
      />
      <Button type="submit" kind="primary" deniedBecause={useDenial('operator')} isDisabled={send.isPending}>
        {words.send}
      </Button>
    </form>
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

function objectOf(typed: string): object | null {
  try {
    const value: unknown = JSON.parse(typed);
    return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}
