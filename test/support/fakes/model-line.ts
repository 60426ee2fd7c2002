// A model of an uplink line at its port: it journals at once and notes what it is told.
import type { BrokerMessage } from '../../../src/domain/ports/broker.ts';
import type { HereProject } from '../../../src/domain/ports/here.ts';
import type { LineObserver, UplinkLine } from '../../../src/domain/ports/line.ts';
import type { ConnectionStore } from '../../../src/domain/ports/store.ts';

export class ModelLine implements UplinkLine {
  readonly observer: LineObserver;
  readonly calls: string[] = [];
  project: HereProject | null = null;
  hasRoom = true;
  /** Closing waits for it. */
  closing: Promise<void> = Promise.resolve();
  readonly waiting = { count: 0, oldestMs: 0 };
  readonly #store: ConnectionStore;

  constructor(store: ConnectionStore, observer: LineObserver) {
    this.#store = store;
    this.observer = observer;
  }

  onMessages(messages: readonly BrokerMessage[], done: (error: Error | null) => void): void {
    const entries = messages.map(({ topic, payload, arrivedAt, retain }) => {
      return { topic, payload, arrivedAt, retain, device: null };
    });
    this.#store.append(entries, done);
  }

  onLeftOut(): void {}

  open(project: HereProject, mode: 'all' | 'probe' = 'all'): void {
    this.project = project;
    this.calls.push(mode === 'probe' ? `probe ${project.appId}` : `open ${project.appId}`);
  }

  async close(signal: AbortSignal): Promise<void> {
    this.calls.push('close');
    this.project = null;
    if (signal.aborted) return;
    await Promise.race([
      this.closing,
      new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve())),
    ]);
  }

  async stop(signal: AbortSignal): Promise<void> {
    await this.close(signal);
    this.calls.push('stop');
  }
}
