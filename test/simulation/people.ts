// The people: they write definitions to the config topic, break them, mend them, and restart what waits for a person.
import type { DefinitionRecord } from '../../src/domain/connection.ts';
import type { BrokerModel } from './broker-model.ts';
import type { Dice } from './dice.ts';
import { topicFilterOf } from './fleet.ts';
import type { ConnectionPlan, Plan } from './plan.ts';
import type { DefinitionChange } from './plan-faults.ts';

/** What they want of one connection now. */
interface Wish {
  readonly plan: ConnectionPlan;
  appId: string | null;
  password: string;
  wrongPassword: string | null;
  active: boolean;
  invalid: boolean;
  deleted: boolean;
  /** Its deletion was written. */
  isGone: boolean;
  name: string;
  isFlat: boolean;
  topics: number;
  restart: number;
}

export interface PeopleOptions {
  readonly plan: Plan;
  readonly broker: BrokerModel;
  readonly dice: Dice;
  /** A person has acted, and the config topic has it: a pair may be tried (once more). */
  readonly onWritten: (connection: string, email: string, password: string) => void;
}

export const PREFIX = 'sim';

export class People {
  readonly #options: PeopleOptions;
  readonly #wishes: readonly Wish[];

  constructor(options: PeopleOptions) {
    this.#options = options;
    const { accounts, connections } = options.plan;
    this.#wishes = connections.map((plan) => ({
      plan,
      appId: plan.appId,
      password: accounts[plan.account]?.password ?? '',
      wrongPassword: null,
      active: true,
      invalid: false,
      deleted: false,
      isGone: false,
      name: plan.id,
      isFlat: false,
      topics: 0,
      restart: 0,
    }));
  }

  get dice(): Dice {
    return this.#options.dice;
  }

  isDeleted(connection: number): boolean {
    return this.#wish(connection).deleted;
  }

  /** Writes all definitions, at the beginning and where they were lost: a deletion that nobody had heard was lost with them. */
  begin(): void {
    for (const wish of this.#wishes) {
      wish.isGone = false;
      this.#write(wish);
    }
  }

  topicsOf(connection: number): number {
    return this.#wish(connection).topics;
  }

  /** The project that the connection is to send into. */
  appIdOf(connection: number): string {
    const { appId, plan } = this.#wish(connection);
    return appId ?? this.#options.plan.accounts[plan.account]?.appIds[0] ?? '';
  }

  change(connection: number, change: DefinitionChange): void {
    const wish = this.#wish(connection);
    const { dice, plan } = this.#options;
    switch (change) {
      case 'wrongPassword':
        wish.wrongPassword = `wrong-${dice.whole(0, 1e9)}`;
        break;
      case 'inactive':
        wish.active = false;
        break;
      case 'invalid':
        wish.invalid = true;
        break;
      case 'restart':
        wish.restart += 1;
        break;
      case 'rename':
        wish.name = `${wish.plan.id} ${dice.whole(0, 1e9)}`;
        break;
      case 'project':
        wish.appId = dice.pick(plan.accounts[wish.plan.account]?.appIds ?? []);
        break;
      case 'format':
        wish.isFlat = !wish.isFlat;
        break;
      case 'topics':
        wish.topics += 1;
        break;
      case 'deleted':
        wish.deleted = true;
        break;
      case 'same':
        break;
    }
    this.#write(wish);
  }

  takeBack(connection: number, change: DefinitionChange): void {
    const wish = this.#wish(connection);
    if (change === 'wrongPassword') wish.wrongPassword = null;
    else if (change === 'inactive') wish.active = true;
    else if (change === 'invalid') wish.invalid = false;
    else return;
    this.#write(wish);
  }

  /** HERE has another password now; they enter it in every connection of the account. */
  enterPassword(account: number, password: string): void {
    for (const wish of this.#wishes) {
      if (wish.plan.account !== account) continue;
      wish.password = password;
      this.#write(wish);
    }
  }

  /** Whoever is held: they have put right at HERE what was wrong, and restart the connection. */
  restartAll(email: string | null): void {
    for (const wish of this.#wishes) {
      if (email !== null && this.#emailOf(wish) !== email) continue;
      wish.restart += 1;
      this.#write(wish);
    }
  }

  #wish(connection: number): Wish {
    return this.#wishes[connection] as Wish;
  }

  #emailOf({ plan }: Wish): string {
    return this.#options.plan.accounts[plan.account]?.email ?? '';
  }

  #write(wish: Wish): void {
    // What is deleted is left alone.
    if (wish.isGone) return;
    wish.isGone = wish.deleted;
    const { broker, onWritten } = this.#options;
    const record = this.#recordOf(wish);
    const { id } = wish.plan;
    const text = wish.deleted ? null : wish.invalid ? '{"connectorId": ' : JSON.stringify(record);
    const { email, password } = record.configuration;
    broker.retain(`${PREFIX}/connections/${id}`, text, () => onWritten(id, email, password));
  }

  #recordOf(wish: Wish): DefinitionRecord {
    const { plan } = wish;
    const matchers = plan.hasMatcher ? [{ type: 'thing' as const, tags: ['simulated'] }] : [];
    return {
      connectorId: 'actility-here-iot',
      name: wish.name,
      active: wish.active,
      restart: String(wish.restart),
      configuration: {
        email: this.#emailOf(wish),
        password: wish.wrongPassword ?? wish.password,
        appId: wish.appId ?? '',
        createDevices: plan.createDevices,
        downlinkEnabled: false,
        sendMetadata: wish.isFlat,
        reconnectStrategy: plan.strategy,
        source: { topics: [topicFilterOf(plan.id, wish.topics)], matchers },
        ...(plan.validity === null ? {} : { uplinkTimeValidity: plan.validity.text }),
      },
    };
  }
}
