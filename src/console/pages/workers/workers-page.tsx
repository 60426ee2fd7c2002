// The workers that share the connections: which live, and what each serves.
import type { ReactNode } from 'react';
import type { ClusterWorker } from '../../../domain/ports/cluster.ts';
import { useWorkers } from '../../api/workers.ts';
import { formatCount, formatSpan, text } from '../../text/text.ts';
import { Empty, LoadNotice, Panel } from '../../ui/panel.tsx';
import { Ago } from '../../ui/time.tsx';

const words = text.workers;

export function WorkersPage(): ReactNode {
  const query = useWorkers();
  return (
    <>
      <div className="page-head">
        <h1>{text.nav.workers}</h1>
      </div>
      {query.data === undefined ? (
        <LoadNotice state={query} />
      ) : query.data.length === 0 ? (
        <Empty title={words.alone}>{words.aloneHint}</Empty>
      ) : (
        query.data.map((worker) => <Worker key={worker.worker} worker={worker} />)
      )}
    </>
  );
}

function Worker({ worker }: { readonly worker: ClusterWorker }): ReactNode {
  const { alive, confirmed, serves, host, pid, startedAt, heardMsAgo, address, partitions, connections } = worker;
  const [kind, state] = !alive
    ? (['bad', words.gone] as const)
    : confirmed || !serves
      ? (['good', words.alive] as const)
      : (['warn', words.unconfirmed] as const);
  return (
    <Panel title={worker.worker} end={<span className={`badge ${kind}`}>{state}</span>}>
      <dl className="pairs">
        <dt>{words.host}</dt>
        <dd>{host}</dd>
        <dt>{words.process}</dt>
        <dd>{pid}</dd>
        <dt>{words.started}</dt>
        <dd>
          <Ago at={startedAt} />
        </dd>
        <dt>{words.heard}</dt>
        <dd>{formatSpan(heardMsAgo)}</dd>
        <dt>{words.address}</dt>
        <dd className="mono">{address ?? text.common.unknown}</dd>
        <dt>{words.partitions}</dt>
        <dd>{partitions.length === 0 ? text.common.none : partitions.join(', ')}</dd>
        <dt>{words.connections}</dt>
        <dd title={connections.join(', ')}>{formatCount(connections.length)}</dd>
      </dl>
    </Panel>
  );
}
