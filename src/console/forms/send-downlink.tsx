// Sends a downlink by way of the desired shadow: bytes with their port, or the document itself as JSON. What is typed stays
// until it is sent, over a reload and a log-out.
import { Link } from '@tanstack/react-router';
import { type ReactNode, useState } from 'react';
import { useSendCommand } from '../api/commands.ts';
import { useDenial } from '../api/session.ts';
import { text } from '../text/text.ts';
import { Button } from '../ui/button.tsx';
import { TextField } from '../ui/field.tsx';
import { notify } from '../ui/notices.tsx';
import { documentOf, faultsOf, normalEui } from './downlink.ts';
import { useDraft } from './draft.ts';

const words = text.downlink;
const NO_SECRETS: readonly string[] = [];

export interface SendDownlinkProps {
  readonly id: string;
  /** Absent: it is asked for. */
  readonly device?: string;
}

export function SendDownlink({ id, device: given }: SendDownlinkProps): ReactNode {
  const draft = useDraft(`downlink.${id}.${given ?? ''}`, NO_SECRETS);
  const [isPressed, setPressed] = useState(false);
  const send = useSendCommand(id);
  const denial = useDenial('operator');
  const { values } = draft;
  const typed = (name: string): string => String(values[name] ?? '');
  const device = normalEui(given ?? typed('device'));
  const isJson = values.isJson === true;
  const faults = faultsOf(values, given);
  const told = (name: keyof typeof faults): string | null => (isPressed ? faults[name] : null);
  const change = (name: string, value: string | boolean): void => {
    draft.set(name, value);
    send.reset();
  };
  const submit = (): void => {
    setPressed(true);
    if (Object.values(faults).some((fault) => fault !== null)) return;
    send.mutate(
      { device, payload: documentOf(values) },
      {
        onSuccess: () => {
          draft.clear();
          if (isJson) draft.set('isJson', true);
          setPressed(false);
          notify(words.sent(device));
        },
      },
    );
  };
  return (
    <form
      className="send-downlink"
      noValidate
      onSubmit={(event) => {
        event.preventDefault();
        submit();
      }}
    >
      <p className="muted">{words.hint}</p>
      {given === undefined && (
        <TextField
          label={words.device}
          name="downlinkDevice"
          value={typed('device')}
          error={told('device')}
          onChange={(value) => change('device', value)}
        />
      )}
      {isJson ? (
        <TextField
          label={text.device.payload}
          name="payload"
          kind="long"
          info={text.device.payloadInfo}
          value={typed('json')}
          placeholder='{ "FPort": 2, "payload_hex": "01ff" }'
          error={told('json')}
          onChange={(value) => change('json', value)}
        />
      ) : (
        <>
          <div className="send-bytes">
            <TextField
              label={words.port}
              name="fPort"
              kind="number"
              value={typed('port')}
              placeholder="2"
              error={told('port')}
              onChange={(value) => change('port', value)}
            />
            <TextField
              label={words.hex}
              name="payloadHex"
              value={typed('hex')}
              placeholder="01ff"
              error={told('hex')}
              onChange={(value) => change('hex', value)}
            />
          </div>
          <label className="chooser">
            <input
              type="checkbox"
              checked={values.confirmed === true}
              onChange={(event) => change('confirmed', event.target.checked)}
            />
            {words.confirmed}
          </label>
        </>
      )}
      {send.error !== null && (
        <p className="field-error" role="alert">
          {send.error.message}
        </p>
      )}
      <div className="send-actions">
        <Button type="submit" kind="primary" deniedBecause={denial} isDisabled={send.isPending}>
          {words.send}
        </Button>
        <Button kind="quiet" onPress={() => change('isJson', !isJson)}>
          {isJson ? words.asBytes : words.asJson}
        </Button>
        {send.isSuccess && given === undefined && send.variables !== undefined && (
          <Link to="/connections/$id/devices/$device" params={{ id, device: send.variables.device }}>
            {words.watch}
          </Link>
        )}
      </div>
    </form>
  );
}
