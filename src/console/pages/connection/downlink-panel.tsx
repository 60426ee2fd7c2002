// Sending a downlink from the connection's page: to one of its devices, or by a program to the connection's address.
import { type ReactNode, useState } from 'react';
import { useNewAddress } from '../../api/commands.ts';
import { useDenial } from '../../api/session.ts';
import { SendDownlink } from '../../forms/send-downlink.tsx';
import { text } from '../../text/text.ts';
import { Button } from '../../ui/button.tsx';
import { Confirm } from '../../ui/confirm.tsx';
import { Panel } from '../../ui/panel.tsx';

const words = text.downlink;

export function DownlinkPanel({ id }: { readonly id: string }): ReactNode {
  const address = useNewAddress(id);
  const denial = useDenial('operator');
  const [isAsking, setAsking] = useState(false);
  return (
    <Panel title={words.title} anchor="downlink">
      <SendDownlink id={id} />
      <div className="downlink-address">
        <p className="muted">{words.addressHint}</p>
        {address.data !== undefined && (
          <p role="status">
            {words.addressShown} <code className="downlink-url">{`POST ${location.origin}${address.data.path}`}</code>
          </p>
        )}
        <Button small deniedBecause={denial} isDisabled={address.isPending} onPress={() => setAsking(true)}>
          {words.newAddress}
        </Button>
      </div>
      {isAsking && (
        <Confirm
          title={words.newAddressTitle}
          action={words.newAddress}
          onClose={() => setAsking(false)}
          onConfirm={async () => {
            await address.mutateAsync();
          }}
        >
          {words.newAddressQuestion}
        </Confirm>
      )}
    </Panel>
  );
}
