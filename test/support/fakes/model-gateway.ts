// A model of HERE's gateway at its port: log-ins and projects answer by rule, and calls are counted.
import type { AccountKey } from '../../../src/domain/connection.ts';
import type { HereAccount, HereGateway, LogInOutcome, OpenProjectOutcome } from '../../../src/domain/ports/here.ts';
import { modelProject } from '../model-project.ts';

export class ModelGateway implements HereGateway {
  /** Wrong ones are refused once, and then without an attempt, as the real gateway does. */
  passwords = new Map<string, string>();
  readonly attempts: string[] = [];
  readonly #refused = new Set<string>();
  healthy = true;
  healthAsked = 0;
  releases = 0;
  /** What a released account waits for. */
  settled = async (): Promise<void> => {};
  /** Answers in place of the rule, while set. */
  logIn: (() => LogInOutcome | Promise<LogInOutcome>) | null = null;
  project: ((appId: string | null, remembered: string | null) => OpenProjectOutcome) | null = null;
  readonly projectsAsked: { appId: string | null; remembered: string | null }[] = [];

  account(key: AccountKey, password: string): HereAccount {
    const pair = `${key.email}:${password}`;
    return {
      authenticate: async () => {
        if (this.logIn !== null) return this.logIn();
        if (this.#refused.has(pair)) return { kind: 'refused', attempted: false, message: 'wrong password.' };
        this.attempts.push(pair);
        if (this.passwords.get(key.email) === password) return { kind: 'ok', reused: false };
        this.#refused.add(pair);
        return { kind: 'refused', attempted: true, message: 'wrong password.' };
      },
      forgetRefusal: () => {
        this.#refused.delete(pair);
      },
      openProject: async (appId, remembered) => {
        this.projectsAsked.push({ appId, remembered });
        if (this.project !== null) return this.project(appId, remembered);
        const first = `first-of-${key.email}`;
        return { kind: 'ok', project: modelProject({ appId: appId ?? remembered ?? first }) };
      },
      projects: async () => ({ kind: 'ok', value: [] }),
      settled: () => this.settled(),
      release: () => {
        this.releases += 1;
      },
    };
  }

  async isHealthy(): Promise<boolean> {
    this.healthAsked += 1;
    return this.healthy;
  }

  async stop(): Promise<void> {}
}
