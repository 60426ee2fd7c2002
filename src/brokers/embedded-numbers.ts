// aedes numbers a message when it is published, and a connected client drops what has a lower number than it has had already, as
// a duplicate. But a message for a client with a session waits for the disk, and others pass it: so it is numbered anew when it
// goes out. Relies on aedes 1.2.0: `mq.emit` is the only way to the connected clients, and gets the packet that was enqueued.
import type { Aedes } from 'aedes';
import type { StoredPacket } from 'aedes-persistence/asyncPersistence.js';

/** `renumber` gives the packet, and what waits under its number, another one. */
export function numberInOrder(aedes: Aedes, renumber: (packet: StoredPacket, counter: number) => void): void {
  const broker = aedes as unknown as Numbering;
  const { mq } = broker;
  const emit = mq.emit.bind(mq);
  mq.emit = (packet, done) => {
    // The last number that was given: nothing has passed it.
    if (packet.brokerCounter !== broker.counter) {
      broker.counter += 1;
      renumber(packet, broker.counter);
    }
    return emit(packet, done);
  };
}

interface Numbering {
  counter: number;
  readonly mq: { emit(packet: StoredPacket, done: (error?: Error | null) => void): unknown };
}
