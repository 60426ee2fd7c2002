// The connections of a run: most have an account of their own, so that they spread over the workers; besides, what a rebalance
// could do harm to: two on one account, passwords that HERE refuses, one that is deleted and made again.

export interface ConnectionSpec {
  readonly id: string;
  readonly email: string;
  /** What the definition says. */
  readonly password: string;
  readonly appId: string;
  /** Of Kafka; null: its uplinks come by MQTT. */
  readonly topic: string | null;
  /** The account's own, where the definition says another one. */
  readonly rightPassword?: string;
}

/** With an account of its own each; every third one reads Kafka where there is one of the run's own. */
export function plainConnections(count: number, withKafka: boolean): readonly ConnectionSpec[] {
  return Array.from({ length: count }, (_, index) => ({
    id: `c${index}`,
    email: `owner-${index}@tenant.example`,
    password: `secret-of-${index}`,
    appId: `cluster-app-${index}`,
    topic: withKafka && index % 3 === 2 ? `uplinks-c${index}` : null,
  }));
}

const wrong = { email: 'wrong@tenant.example', password: 'a slip', rightPassword: 'nobody knows', topic: null };

/** A second connection of the account of `c0`. */
export const TWIN: ConnectionSpec = {
  ...{ id: 'twin', email: 'owner-0@tenant.example', password: 'secret-of-0' },
  ...{ appId: 'cluster-app-twin', topic: null },
};
/** Two on one account, with a password that stays wrong. The second one is deleted and made again in mid-run. */
export const WRONG: readonly ConnectionSpec[] = [
  { ...wrong, id: 'wrong-0', appId: 'cluster-app-wrong-0' },
  { ...wrong, id: 'wrong-1', appId: 'cluster-app-wrong-1' },
];
/** Its password is corrected in mid-run: what waits until then goes the way of all. */
export const MENDED: ConnectionSpec = {
  ...{ id: 'mended', email: 'mended@tenant.example', password: 'a slip', rightPassword: 'put right' },
  ...{ appId: 'cluster-app-mended', topic: null },
};
/** Deleted and made again in mid-run; published to after that. */
export const RENEWED: ConnectionSpec = {
  ...{ id: 'renewed', email: 'renewed@tenant.example', password: 'secret-of-renewed' },
  ...{ appId: 'cluster-app-renewed', topic: null },
};
export const TROUBLED: readonly ConnectionSpec[] = [TWIN, ...WRONG, MENDED, RENEWED];

/** For the simulated HERE. */
export function accountsOf(specs: readonly ConnectionSpec[]) {
  return [...Map.groupBy(specs, ({ email }) => email)].map(([email, all]) => {
    const { password, rightPassword = password } = all[0] as ConnectionSpec;
    return { email, password: rightPassword, projects: all.map(({ appId }) => ({ appId })) };
  });
}
