// Brokers for the API: listed with who uses them, defined, changed and deleted by way of the config topic, and tried beforehand.
import type { BrokerBook } from '../connections/broker-book.ts';
import type { Definitions } from '../connections/definitions.ts';
import { type BrokerDefinition, hostsOf } from '../domain/broker-definition.ts';
import type { FieldError } from '../domain/connection.ts';
import { describeError } from '../domain/errors.ts';
import type { BrokerControl, BrokerTestStep, BrokerView } from '../domain/ports/brokers.ts';
import type { Chance, Clock } from '../domain/ports/clock.ts';
import type { Brokers } from './brokers.ts';
import { publisherUp } from './publisher-up.ts';

export interface BrokerDeskOptions {
  readonly brokers: Brokers;
  readonly book: BrokerBook;
  readonly definitions: Pick<Definitions, 'ids' | 'record'>;
  readonly clock: Clock;
  readonly chance: Chance;
  /** `brokerDefinitions.hosts` names nothing. */
  readonly isOff: boolean;
}

const MAX_USERS = 100;
const CONNECT_MS = 10_000;

/** What can be said of its hosts without asking anybody. */
export function checkHosts(brokers: Pick<Brokers, 'guard'>, definition: BrokerDefinition): readonly FieldError[] {
  const isMqtt = definition.kind === 'mqtt';
  return hostsOf(definition).flatMap((host, index) => {
    const message = brokers.guard.refusal(host);
    return message === null ? [] : [{ pointer: isMqtt ? '/url' : `/bootstrap/${index}`, message }];
  });
}

export function createBrokerDesk(options: BrokerDeskOptions): BrokerControl {
  const { brokers, book, definitions, clock, chance, isOff } = options;

  function usersOf(name: string): string[] {
    return definitions.ids().filter((id) => definitions.record(id)?.configuration.source?.broker === name);
  }

  function view({ name, kind, url }: { name: string; kind: string; url: string }): BrokerView {
    const isConfigured = brokers.isConfigured(name);
    return {
      ...{ name, kind, url, origin: isConfigured ? 'configuration' : 'api' },
      revision: isConfigured ? null : book.revision(name),
      definition: isConfigured ? null : book.shown(name),
      usedBy: usersOf(name).slice(0, MAX_USERS),
    };
  }

  function readOnly(name: string): { readonly kind: 'readOnly'; readonly message: string } | null {
    if (!brokers.isConfigured(name)) return null;
    const message = `The broker ${name} is of the bridge's configuration (brokers.${name}): change it there`;
    return { kind: 'readOnly', message };
  }

  return {
    list: () => brokers.list().map(view),
    get(name) {
      const found = brokers.list().find((each) => each.name === name);
      return found === undefined ? null : view(found);
    },
    async put(name, definition, condition) {
      const refusal = readOnly(name);
      if (refusal !== null) return refusal;
      if (isOff) return { kind: 'conflict', message: OFF };
      return book.put(name, definition, condition);
    },
    async remove(name, condition) {
      const refusal = readOnly(name);
      if (refusal !== null) return refusal;
      const users = usersOf(name);
      if (users.length === 0) return book.remove(name, condition);
      const more = users.length > 10 ? ` and ${users.length - 10} more` : '';
      const message = `The broker ${name} is in use by ${users.slice(0, 10).join(', ')}${more}: move or delete them first`;
      return { kind: 'inUse', message };
    },
    async test(name, value, signal) {
      const checked = book.check(name, value);
      if (!checked.ok) {
        const message = `${checked.errors.length === 1 ? 'One field is' : `${checked.errors.length} fields are`} not right.`;
        const connect: BrokerTestStep = { step: 'connect', result: 'skipped', message: 'The definition comes first.' };
        return [{ step: 'definition', result: 'failed', message, errors: checked.errors }, connect];
      }
      const right: BrokerTestStep = { step: 'definition', result: 'ok', message: 'Every field is right.' };
      const broker = brokers.make(`test-${chance.uuid().slice(0, 8)}`, checked.definition);
      const clientId = `here-bridge-test-${chance.uuid().slice(0, 8)}`;
      const reason = await publisherUp(broker, clientId, { clock, timeoutMs: CONNECT_MS, signal, once: true }).catch(
        describeError,
      );
      if (reason !== null) return [right, { step: 'connect', result: 'failed', message: reason }];
      return [right, { step: 'connect', result: 'ok', message: 'It lets the bridge in.' }];
    },
  };
}

const OFF = 'Brokers cannot be defined over the API of this bridge: brokerDefinitions.hosts names no hosts';
