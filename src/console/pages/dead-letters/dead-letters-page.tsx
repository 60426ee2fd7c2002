// The dead letters of a connection: by reason, one looked at and mended, one or a group sent again or dropped.
import { useParams } from '@tanstack/react-router';
import { type ReactNode, useRef, useState } from 'react';
import { useConnectionName } from '../../api/connections.ts';
import {
  type LetterFilter,
  type Progress,
  useDropLetters,
  useExportLetters,
  useLetters,
  useReplay,
} from '../../api/dead-letters.ts';
import { useDenial } from '../../api/session.ts';
import { formatBytes, formatCount, text } from '../../text/text.ts';
import { Button } from '../../ui/button.tsx';
import { Confirm } from '../../ui/confirm.tsx';
import { ConnectionHead } from '../../ui/connection-head.tsx';
import { fileTime, saveFile } from '../../ui/download.ts';
import { notify, notifyFailure } from '../../ui/notices.tsx';
import { Empty, LoadNotice, Panel } from '../../ui/panel.tsx';
import { Moment } from '../../ui/time.tsx';
import { LetterPanel } from './letter-panel.tsx';
import './dead-letters.css';

const words = text.deadLetters;
const REASONS = Object.keys(words.reasons);

export function DeadLettersPage(): ReactNode {
  const { id } = useParams({ from: '/connections/$id/dead-letters' });
  const [reason, setReason] = useState('');
  const [chosen, setChosen] = useState<number | null>(null);
  const [dropping, setDropping] = useState(false);
  const letters = useLetters(id, reason);
  const name = useConnectionName(id);
  const drop = useDropLetters(id);
  const exporting = useExportLetters(id);
  const replay = useReplaying(id);
  const denial = useDenial('operator');
  const filter: LetterFilter = reason === '' ? {} : { reasons: [reason] };
  const save = (lines: readonly string[]): void => {
    const file = `dead-letters-${id}-${fileTime()}.ndjson`;
    saveFile(file, 'application/x-ndjson', lines);
    notify(words.exported(formatCount(lines.length), file));
  };
  const rows = letters.data?.pages.flatMap((page) => page.letters) ?? [];
  const totals = letters.data?.pages[0]?.totals;
  return (
    <>
      <ConnectionHead
        id={id}
        title={words.title}
        note={totals === undefined ? undefined : words.totals(formatCount(totals.count), formatBytes(totals.bytes))}
        end={
          <>
            <Button
              kind="primary"
              deniedBecause={denial}
              isDisabled={rows.length === 0 || replay.isRunning}
              onPress={() => replay.run(filter)}
            >
              {reason === '' ? words.replayAll : words.replayGroup}
            </Button>
            <Button
              isDisabled={rows.length === 0 || exporting.isPending}
              onPress={() => exporting.mutate(filter, { onSuccess: save, onError: notifyFailure })}
            >
              {reason === '' ? words.exportAll : words.exportGroup}
            </Button>
            <Button
              kind="danger"
              deniedBecause={denial}
              isDisabled={rows.length === 0}
              onPress={() => setDropping(true)}
            >
              {reason === '' ? words.dropAll : words.dropGroup}
            </Button>
          </>
        }
      />
      {replay.progress !== null && (
        <p className="banner" role="status">
          {words.progress(formatCount(replay.progress.replayed), formatCount(replay.progress.waiting))}{' '}
          {replay.isRunning && (
            <Button small onPress={replay.stop}>
              {words.stop}
            </Button>
          )}
        </p>
      )}
      <div className="filters">
        <label className="field">
          <span className="field-label">{words.reason}</span>
          <select className="input" value={reason} onChange={(event) => setReason(event.target.value)}>
            <option value="">{text.common.all}</option>
            {REASONS.map((each) => (
              <option key={each} value={each}>
                {words.reasons[each]}
              </option>
            ))}
          </select>
        </label>
      </div>
      {letters.data === undefined ? (
        <LoadNotice state={letters} />
      ) : rows.length === 0 ? (
        <Empty title={words.none}>{words.noneHint}</Empty>
      ) : (
        <div className="letters">
          <Panel title={words.list}>
            <ul className="letter-list">
              {rows.map((letter) => (
                <li key={letter.id}>
                  <button type="button" aria-pressed={chosen === letter.id} onClick={() => setChosen(letter.id)}>
                    <strong>{words.reasons[letter.reason] ?? letter.reason}</strong>
                    <span className="mono">{letter.device ?? words.noDevice}</span>
                    <span className="muted">
                      <Moment at={letter.time} />
                    </span>
                    <span className="letter-message">{letter.detail.message}</span>
                  </button>
                </li>
              ))}
            </ul>
            {letters.hasNextPage && (
              <Button small isDisabled={letters.isFetchingNextPage} onPress={() => void letters.fetchNextPage()}>
                {words.older}
              </Button>
            )}
          </Panel>
          {chosen !== null && (
            <LetterPanel key={chosen} connection={id} letter={chosen} onReplay={() => replay.run({ ids: [chosen] })} />
          )}
        </div>
      )}
      {dropping && (
        <Confirm
          title={words.dropTitle}
          action={reason === '' ? words.dropAll : words.dropGroup}
          isDangerous
          onClose={() => setDropping(false)}
          onConfirm={async () => notify(words.dropped(formatCount(await drop.mutateAsync(filter))))}
        >
          {words.dropQuestion(name)}
        </Confirm>
      )}
    </>
  );
}

/** A replay that one can watch and stop. */
function useReplaying(id: string) {
  const [progress, setProgress] = useState<Progress | null>(null);
  const replay = useReplay(id, setProgress);
  const abort = useRef<AbortController | null>(null);
  return {
    progress,
    isRunning: replay.isPending,
    stop: () => abort.current?.abort(),
    run: (filter: LetterFilter): void => {
      abort.current = new AbortController();
      const { signal } = abort.current;
      replay.mutate({ filter, signal }, { onError: (error) => signal.aborted || notifyFailure(error) });
    },
  };
}
