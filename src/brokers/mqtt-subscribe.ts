// SUBSCRIBE with QoS 1, what a broker's refusal means, and UNSUBSCRIBE as a round trip.
import type { MqttClient } from 'mqtt';
import type { Clock } from '../domain/ports/clock.ts';
import type { Down } from './mqtt-reasons.ts';

/** mqtt.js's word before it sends anything. */
const INVALID = 'Invalid topic';

/** Calls `done(null)` at SUBACK when every topic was granted. Not called when the connection goes before. */
export function subscribe(
  client: MqttClient,
  topics: readonly string[],
  done: (refused: Down | null) => void,
  options: { readonly retainHandling: 0 | 1 } = { retainHandling: 1 },
): void {
  // `rh` and `rap` matter on MQTT 5 only: 1 hands retained messages out only to a new subscription.
  client.subscribe([...topics], { qos: 1, rh: options.retainHandling, rap: false }, (error, _subscriptions, packet) => {
    if (error === null || error === undefined) {
      done(null);
      return;
    }
    // A granted QoS 0 would be a refusal of QoS 1, but brokers that do so say nothing of it; QoS 0 uplinks are told as such.
    const granted = packet?.granted ?? [];
    const at = granted.findIndex((code) => typeof code === 'number' && code >= 128);
    if (at >= 0) {
      done({ reason: `the broker refused the subscription to "${topics[at]}" (MQTT ${granted[at]})`, fatal: true });
    } else if (error.message.startsWith(INVALID)) {
      done({ reason: `"${topics.join('", "')}": not a valid topic filter`, fatal: true });
    } else done({ reason: `the subscription failed: ${error.message}`, fatal: false });
  });
}

/** True at UNSUBACK, and for filters that are none, which were never subscribed to; false when the connection goes, or after `timeoutMs`. */
export function unsubscribed(
  client: MqttClient,
  topics: readonly string[],
  clock: Clock,
  timeoutMs: number,
): Promise<boolean> {
  return new Promise((resolve) => {
    const end = (isAnswered: boolean): void => {
      cancel();
      client.removeListener('close', closed);
      resolve(isAnswered);
    };
    const closed = (): void => end(false);
    const cancel = clock.after(timeoutMs, closed);
    client.once('close', closed);
    client.unsubscribe([...topics], (error) => end(!error || error.message.startsWith(INVALID)));
  });
}
