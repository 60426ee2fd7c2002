// Where a device's downlinks go. A pattern that names more than the DevEUI needs the device's last uplink: its topic is kept.

export type TopicOf =
  | { readonly kind: 'topic'; readonly topic: string }
  /** The device has to be heard first. */
  | { readonly kind: 'unheard' }
  | { readonly kind: 'bad'; readonly reason: string };

/** A compiled `downlinkTopicPattern`. */
export interface DownlinkPattern {
  /** False: the DevEUI is all that it names. */
  readonly needsUplink: boolean;
  render(
    body: Readonly<Record<string, unknown>> | null,
    device: string,
  ): { readonly ok: true; readonly topic: string } | { readonly ok: false; readonly reason: string };
}

const MAX_KEPT = 200_000;

export class DeviceTopics {
  readonly #pattern: DownlinkPattern;
  readonly #kept = new Map<string, TopicOf>();

  constructor(pattern: DownlinkPattern) {
    this.#pattern = pattern;
  }

  get needsUplink(): boolean {
    return this.#pattern.needsUplink;
  }

  /** `body`: the content below the uplink's root. Only where `needsUplink`. */
  note(device: string, body: Readonly<Record<string, unknown>>): void {
    if (this.#kept.size >= MAX_KEPT && !this.#kept.has(device)) {
      this.#kept.delete(this.#kept.keys().next().value as string);
    }
    this.#kept.set(device, this.#render(body, device));
  }

  of(device: string): TopicOf {
    if (this.#pattern.needsUplink) return this.#kept.get(device) ?? { kind: 'unheard' };
    return this.#render(null, device);
  }

  #render(body: Readonly<Record<string, unknown>> | null, device: string): TopicOf {
    const rendered = this.#pattern.render(body, device);
    return rendered.ok ? { kind: 'topic', topic: rendered.topic } : { kind: 'bad', reason: rendered.reason };
  }
}
