// What a process holds after a collection, asked of its inspector: garbage that waits, and room that the allocator keeps, say
// nothing of a leak.

export interface LiveMemory {
  /** Objects on the heap, and what hangs on them outside of it (buffers, compiled modules). Bytes. */
  readonly heap: number;
  readonly external: number;
  readonly rss: number;
}

interface Answer {
  readonly id?: number;
  readonly result?: { readonly result?: { readonly value?: unknown } };
  readonly error?: { readonly message: string };
}

export class Inspector {
  readonly #socket: WebSocket;
  readonly #waiting = new Map<number, { resolve(answer: Answer): void; reject(error: Error): void }>();
  #sent = 0;

  /** `port`: of `node --inspect=127.0.0.1:port`. */
  static async of(port: number): Promise<Inspector> {
    const targets = (await (await fetch(`http://127.0.0.1:${port}/json`)).json()) as { webSocketDebuggerUrl: string }[];
    const socket = new WebSocket(targets[0]?.webSocketDebuggerUrl ?? '');
    await new Promise((resolve, reject) => {
      socket.addEventListener('open', resolve);
      socket.addEventListener('error', () => reject(new Error('the inspector does not answer')));
    });
    return new Inspector(socket);
  }

  private constructor(socket: WebSocket) {
    this.#socket = socket;
    socket.addEventListener('message', ({ data }) => {
      const answer = JSON.parse(String(data)) as Answer;
      const waiting = this.#waiting.get(answer.id ?? 0);
      this.#waiting.delete(answer.id ?? 0);
      if (answer.error === undefined) waiting?.resolve(answer);
      else waiting?.reject(new Error(answer.error.message));
    });
    socket.addEventListener('close', () => {
      for (const { reject } of this.#waiting.values()) reject(new Error('the process has ended'));
      this.#waiting.clear();
    });
  }

  /** Collects garbage first. */
  async memory(): Promise<LiveMemory> {
    await this.#call('HeapProfiler.collectGarbage');
    const { result } = await this.#call('Runtime.evaluate', { expression: 'JSON.stringify(process.memoryUsage())' });
    const { heapUsed, external, rss } = JSON.parse(String(result?.result?.value)) as NodeJS.MemoryUsage;
    return { heap: heapUsed, external, rss };
  }

  close(): void {
    this.#socket.close();
  }

  #call(method: string, params: object = {}): Promise<Answer> {
    const id = ++this.#sent;
    const answer = new Promise<Answer>((resolve, reject) => this.#waiting.set(id, { resolve, reject }));
    this.#socket.send(JSON.stringify({ id, method, params }));
    return answer;
  }
}
