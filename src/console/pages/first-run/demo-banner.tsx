// That the demo runs, and the one click that removes it.
import { type ReactNode, useState } from 'react';
import { useChangeDemo, useDemo } from '../../api/demo.ts';
import { useDenial } from '../../api/session.ts';
import { formatCount, text } from '../../text/text.ts';
import { Button } from '../../ui/button.tsx';
import { Confirm } from '../../ui/confirm.tsx';
import { notify } from '../../ui/notices.tsx';

const words = text.demo;

export function DemoBanner(): ReactNode {
  const { data } = useDemo();
  const change = useChangeDemo();
  const denial = useDenial('operator');
  const [isAsking, setAsking] = useState(false);
  if (data?.state !== 'running') return null;
  return (
    <div className="banner demo-banner" role="status">
      <p>{words.runs(formatCount(data.devices))}</p>
      <Button small deniedBecause={denial} isDisabled={change.isPending} onPress={() => setAsking(true)}>
        {change.isPending ? words.removing : words.remove}
      </Button>
      {isAsking && (
        <Confirm
          title={words.removeTitle}
          action={words.remove}
          isDangerous
          onClose={() => setAsking(false)}
          onConfirm={async () => {
            await change.mutateAsync('remove');
            notify(words.removed);
          }}
        >
          {words.removeQuestion}
        </Confirm>
      )}
    </div>
  );
}
