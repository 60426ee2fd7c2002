// Brokers as resources: those of the configuration file, which are only shown, and those defined over the API.
import type { BrokerDefinition } from '../broker-definition.ts';
import type { FieldError } from '../connection.ts';

export interface BrokerView {
  readonly name: string;
  readonly kind: string;
  /** Where clients find it, for people. */
  readonly url: string;
  /** `configuration`: of this worker's configuration; read only here. */
  readonly origin: 'configuration' | 'api';
  /** Of its definition; null: of the configuration. */
  readonly revision: string | null;
  /** Secrets masked; null: of the configuration. */
  readonly definition: BrokerDefinition | null;
  /** The connections that name it, at most 100 of them. */
  readonly usedBy: readonly string[];
}

export type BrokerOutcome =
  | { readonly kind: 'ok'; readonly created: boolean }
  | { readonly kind: 'notFound' }
  /** It is of the configuration file. */
  | { readonly kind: 'readOnly'; readonly message: string }
  | { readonly kind: 'conflict' | 'inUse' | 'unavailable'; readonly message: string }
  | { readonly kind: 'invalid'; readonly errors: readonly FieldError[] };

export interface BrokerCondition {
  readonly revision?: string;
  readonly exists?: boolean;
}

export interface BrokerTestStep {
  readonly step: 'definition' | 'address' | 'connect';
  readonly result: 'ok' | 'failed' | 'skipped';
  readonly message: string;
  readonly errors?: readonly FieldError[];
}

export interface BrokerControl {
  list(): readonly BrokerView[];
  get(name: string): BrokerView | null;
  /** Answers when the config topic has it. `*****` keeps the stored secret. */
  put(name: string, definition: unknown, condition: BrokerCondition): Promise<BrokerOutcome>;
  remove(name: string, condition: BrokerCondition): Promise<BrokerOutcome>;
  /** Connects once, and leaves nothing behind. `name`: whose stored secrets `*****` stands for. */
  test(name: string | null, definition: unknown, signal: AbortSignal): Promise<readonly BrokerTestStep[]>;
}
