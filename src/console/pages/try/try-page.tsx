// Try an uplink: paste or drop one, and see as you type what HERE would get, by which rule, or why nothing.
import { type ReactNode, useDeferredValue, useState } from 'react';
import { useTriedUplink } from '../../api/trial.ts';
import { useDraft } from '../../forms/draft.ts';
import { text } from '../../text/text.ts';
import { Button } from '../../ui/button.tsx';
import { TextField } from '../../ui/field.tsx';
import { Empty } from '../../ui/panel.tsx';
import { EXAMPLE } from './example.ts';
import { TriedResult } from './tried-result.tsx';
import './try.css';

const words = text.tryUplink;
const MAX_CHARACTERS = 256 * 1024;
const NO_SECRETS: readonly string[] = [];

export function TryPage(): ReactNode {
  const draft = useDraft('try', NO_SECRETS);
  const uplink = String(draft.values.uplink ?? '');
  const setUplink = (typed: string): void => draft.set('uplink', typed);
  const [tooLong, setTooLong] = useState(false);
  const tried = useTriedUplink(useDeferredValue(uplink));
  const read = async (file: File | undefined): Promise<void> => {
    if (file === undefined) return;
    setTooLong(file.size > MAX_CHARACTERS);
    if (file.size <= MAX_CHARACTERS) setUplink(await file.text());
  };
  return (
    <>
      <div className="page-head">
        <div>
          <h1>{text.nav.tryUplink}</h1>
          <p className="muted">{words.hint}</p>
        </div>
        <div className="page-end">
          <Button onPress={() => setUplink(JSON.stringify(EXAMPLE, null, 2))}>{words.example}</Button>
          <label className="button">
            {words.open}
            <input
              type="file"
              className="visually-hidden"
              accept=".json,.txt,application/json,text/plain"
              onChange={(event) => void read(event.target.files?.[0])}
            />
          </label>
        </div>
      </div>
      <div className="try">
        <section
          aria-label={words.uplink}
          onDragOver={(event) => event.preventDefault()}
          onDrop={(event) => {
            event.preventDefault();
            void read(event.dataTransfer.files[0]);
          }}
        >
          <TextField
            label={words.uplink}
            name="uplink"
            kind="long"
            value={uplink}
            onChange={setUplink}
            placeholder={words.placeholder}
            error={tooLong ? words.tooLong : null}
          />
        </section>
        <section aria-label={words.result} aria-live="polite">
          {uplink.trim() === '' ? (
            <Empty title={words.nothing}>{words.nothingHint}</Empty>
          ) : tried.error !== null ? (
            <p className="banner bad">{tried.error.message}</p>
          ) : tried.data === undefined ? (
            <p className="muted">{text.common.loading}</p>
          ) : (
            <TriedResult tried={tried.data} />
          )}
        </section>
      </div>
    </>
  );
}
