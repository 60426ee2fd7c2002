// One dead letter: what HERE or the reader said, beside the record; its message can be mended before it is sent again.
import type { ReactNode } from 'react';
import { type Letter, useEditLetter, useLetter } from '../../api/dead-letters.ts';
import { useDenial } from '../../api/session.ts';
import { useDraft } from '../../forms/draft.ts';
import { formatCount, text } from '../../text/text.ts';
import { Button } from '../../ui/button.tsx';
import { TextField } from '../../ui/field.tsx';
import { notify, notifyFailure } from '../../ui/notices.tsx';
import { LoadNotice, Panel } from '../../ui/panel.tsx';
import { Moment } from '../../ui/time.tsx';
import { indented, useOpenInTry } from '../try/use-open-in-try.ts';

const words = text.deadLetters;
const NO_SECRETS: readonly string[] = [];

export interface LetterPanelProps {
  readonly connection: string;
  readonly letter: number;
  readonly onReplay: () => void;
}

export function LetterPanel({ connection, letter, onReplay }: LetterPanelProps): ReactNode {
  const query = useLetter(connection, letter);
  if (query.data === undefined) return <LoadNotice state={query} />;
  return <Shown key={query.data.editedAt ?? ''} connection={connection} letter={query.data} onReplay={onReplay} />;
}

function Shown(props: {
  readonly connection: string;
  readonly letter: Letter;
  readonly onReplay: () => void;
}): ReactNode {
  const { connection, letter, onReplay } = props;
  const { detail } = letter;
  const draft = useDraft(`letter.${connection}.${letter.id}.${letter.editedAt ?? ''}`, NO_SECRETS);
  const payload = String(draft.values.payload ?? indented(letter.payload ?? ''));
  const edit = useEditLetter(connection);
  const openInTry = useOpenInTry();
  const denial = useDenial('operator');
  const isChanged = payload !== indented(letter.payload ?? '');
  const save = (next: string | null): void =>
    edit.mutate(
      { id: letter.id, payload: next },
      {
        onSuccess: () => {
          draft.clear();
          notify(words.saved);
        },
        onError: notifyFailure,
      },
    );
  return (
    <Panel title={words.one(String(letter.id))}>
      <dl className="pairs">
        <dt>{words.answer}</dt>
        <dd>
          {detail.status !== undefined && <strong>{detail.status} </strong>}
          {detail.message}
        </dd>
        <dt>{words.topic}</dt>
        <dd className="mono">{letter.topic}</dd>
        <dt>{words.arrived}</dt>
        <dd>
          <Moment at={letter.arrivedAt} />
        </dd>
        {detail.requestId !== undefined && detail.requestId !== '' && (
          <>
            <dt>{words.requestId}</dt>
            <dd className="mono">{detail.requestId}</dd>
          </>
        )}
        {detail.attempts !== undefined && (
          <>
            <dt>{words.attempts}</dt>
            <dd>{formatCount(detail.attempts)}</dd>
          </>
        )}
      </dl>
      {detail.record !== undefined && (
        <details open>
          <summary>{words.record}</summary>
          <pre className="letter-record">{indented(detail.record)}</pre>
        </details>
      )}
      {letter.payload === undefined ? (
        <p className="muted">{words.binary}</p>
      ) : (
        <TextField
          label={words.message}
          name="payload"
          kind="long"
          value={payload}
          onChange={(typed) => draft.set('payload', typed)}
        />
      )}
      <div className="setting-actions">
        <Button deniedBecause={denial} isDisabled={!isChanged || edit.isPending} onPress={() => save(payload)}>
          {text.common.save}
        </Button>
        {letter.editedAt !== undefined && (
          <Button deniedBecause={denial} onPress={() => save(null)}>
            {words.revert}
          </Button>
        )}
        {letter.payload !== undefined && <Button onPress={() => openInTry(payload)}>{text.nav.tryUplink}</Button>}
        <Button kind="primary" deniedBecause={denial} isDisabled={isChanged} onPress={onReplay}>
          {words.replayOne}
        </Button>
      </div>
    </Panel>
  );
}
