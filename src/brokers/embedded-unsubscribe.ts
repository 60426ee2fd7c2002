// aedes forgets a subscription that has ended a turn of the event loop later, by its filter alone. If the client has subscribed to
// that filter again meanwhile, it forgets that one: nobody ends it any more, not even the end of its connection, and it is not
// counted. So it forgets at once. Relies on aedes 1.2.0: it calls its own `unsubscribe`.
import type { Aedes } from 'aedes';

export function forgetAtOnce(aedes: Aedes): void {
  const unsubscribe = aedes.unsubscribe.bind(aedes);
  aedes.unsubscribe = (filter, listener, done) => {
    // What is removed a turn later is this very listener, whoever else has come. It fails only for what nobody can subscribe to.
    unsubscribe(filter, listener, () => {});
    done?.();
  };
}
