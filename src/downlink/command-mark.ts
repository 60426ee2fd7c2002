// How far a connection's commands are handled, in a text that travels to its next worker, whose store knows nothing of them:
// all that was desired before `reached` is handled, but for what is listed as pending; later ones that are handled are listed.
//
// Where not all fits, `reached` goes back or the list gets shorter: the next worker then publishes some again, under the same
// CorrelationID, and misses none.
import type { Command } from '../domain/command.ts';
import type { Cancel, Clock } from '../domain/ports/clock.ts';
import type { HandledShadow, ShadowChange } from '../domain/ports/downlink.ts';
import type { ConnectionStore } from '../domain/ports/store.ts';

type Seen = Pick<ShadowChange, 'device' | 'version' | 'desiredAt'>;

/** Of a command on its way: what the next worker needs to know its reports, and whether HERE is to hear of it. */
export interface Underway extends Pick<Command, 'attempt' | 'port' | 'confirmed' | 'publishedAt'> {
  /** The network has sent it: its version rides until HERE shows it. Marks of older releases do not tell. */
  readonly isSent: boolean;
}

export interface HandledMark extends Seen {
  readonly era: number;
  /** null: nothing more becomes of it, or it was no command. */
  readonly underway: Underway | null;
}

export interface CommandMarkOptions {
  readonly store: Pick<ConnectionStore, 'getState' | 'setState'>;
  readonly clock: Clock;
  /** `host|appId` */
  readonly project: string;
  /** What is seen and still to be handled: waiting commands, and changes whose devices nobody has heard. */
  readonly pending: () => readonly Seen[];
}

const KEY = 'commandsHandled';
/** Some 60 characters each, in a record of 64 KiB. */
const MAX_LISTED = 800;
/** A burst is one write. */
const WRITE_MS = 100;

export class CommandMark {
  readonly #o: CommandMarkOptions;
  /** Of an earlier worker, or an earlier run of this one. */
  readonly #before: { readonly reached: number; readonly pending: Map<string, Seen> };
  readonly #handled: Map<string, HandledMark>;
  #reached: number;
  #timer: Cancel | null = null;

  constructor(options: CommandMarkOptions) {
    this.#o = options;
    const { reached, pending, handled } = decode(options.store.getState(KEY), options.project);
    this.#before = { reached, pending };
    this.#handled = handled;
    this.#reached = reached;
  }

  /** What an earlier worker has made of it; null: it is still to be handled. */
  handledBefore({ device, version, desiredAt }: Seen): HandledMark | null {
    const listed = this.#handled.get(device);
    if (listed !== undefined && listed.version === version && listed.desiredAt === desiredAt) return listed;
    const pending = this.#before.pending.get(device);
    if (pending !== undefined && pending.version <= version && pending.desiredAt <= desiredAt) return null;
    return desiredAt < this.#before.reached ? { device, version, desiredAt, era: 0, underway: null } : null;
  }

  /** Its report came to an earlier worker. */
  isSentElsewhere({ device, version, desiredAt }: Pick<Command, 'device' | 'version' | 'desiredAt'>): boolean {
    const listed = this.#handled.get(device);
    return listed?.version === version && listed.desiredAt === desiredAt && listed.underway?.isSent === true;
  }

  /** All that was desired before `at` (HERE's ms) was seen. */
  polled(at: number): void {
    if (at <= this.#reached) return;
    this.#reached = at;
    this.#write();
  }

  /** Seen and committed. */
  took(shadows: readonly HandledShadow[]): void {
    for (const { device, version, desiredAt, era } of shadows) {
      const known = this.#handled.get(device);
      const isSame = known?.version === version && known.desiredAt === desiredAt;
      this.#handled.set(device, { device, version, desiredAt, era, underway: isSame ? known.underway : null });
    }
    this.#write();
  }

  /** After a change of its state. */
  changed({ device, version, state, attempt, port, confirmed, publishedAt }: Command): void {
    const known = this.#handled.get(device);
    if (known === undefined || known.version !== version) return;
    const isSent = state === 'sent';
    const underway = state === 'published' || isSent ? { attempt, port, confirmed, publishedAt, isSent } : null;
    this.#handled.set(device, { ...known, underway });
    this.#write();
  }

  /** Before the connection goes elsewhere. */
  flush(): void {
    this.#timer?.();
    this.#timer = null;
    try {
      this.#o.store.setState(KEY, this.#encode());
    } catch {
      // A failing disk is told by the journal; the next write has it all.
    }
  }

  #write(): void {
    this.#timer ??= this.#o.clock.after(WRITE_MS, () => this.flush());
  }

  #encode(): string {
    const pending = [...this.#o.pending()].sort((a, b) => a.desiredAt - b.desiredAt);
    const listed = pending.slice(0, MAX_LISTED);
    const reached = Math.min(this.#reached, pending[MAX_LISTED]?.desiredAt ?? Number.POSITIVE_INFINITY);
    const isPending = new Set(pending.map(({ device, version }) => `${device} ${version}`));
    for (const [device, mark] of this.#handled) {
      if (mark.desiredAt < reached && mark.underway === null) this.#handled.delete(device);
    }
    const handled = [...this.#handled.values()]
      .filter(({ device, version }) => !isPending.has(`${device} ${version}`))
      .sort((a, b) => b.desiredAt - a.desiredAt)
      .slice(0, MAX_LISTED - listed.length);
    const texts = [
      ...listed.map(({ device, version, desiredAt }) => ['p', device, version, desiredAt]),
      ...handled.map(({ device, version, desiredAt, era, underway }) => {
        if (underway === null) return ['h', device, version, desiredAt, era];
        const { attempt, port, confirmed, publishedAt, isSent } = underway;
        const publication = [attempt, port ?? '', confirmed ? 1 : 0, publishedAt ?? '', isSent ? 1 : 0];
        return ['h', device, version, desiredAt, era, ...publication];
      }),
    ];
    return [encodeURIComponent(this.#o.project), reached, ...texts.map((each) => each.join())].join(';');
  }
}

function decode(text: string | null, project: string) {
  const pending = new Map<string, Seen>();
  const handled = new Map<string, HandledMark>();
  const [name, reached, ...entries] = (text ?? '').split(';');
  if (name !== encodeURIComponent(project)) return { reached: Number.NEGATIVE_INFINITY, pending, handled };
  for (const entry of entries) {
    const [kind, device = '', ...rest] = entry.split(',');
    const [version = 0, desiredAt = 0, era = 0, attempt, port, confirmed, publishedAt, sent] = rest.map((each) =>
      each === '' ? undefined : Number(each),
    );
    const seen = { device, version, desiredAt };
    if (kind === 'p') pending.set(device, seen);
    else {
      const underway =
        attempt === undefined
          ? null
          : {
              ...{ attempt, port: port ?? null, confirmed: confirmed === 1, publishedAt: publishedAt ?? null },
              isSent: sent === 1,
            };
      handled.set(device, { ...seen, era, underway });
    }
  }
  return { reached: Number(reached), pending, handled };
}
