// Answers people's questions about HERE with the accounts of connections: one session an account, shared with the lines.

import type { MadeConnection } from '../connections/definition.ts';
import type { Definitions } from '../connections/definitions.ts';
import type { AccountKey, Connection, DefinitionRecord } from '../domain/connection.ts';
import type { Credentials, Desk } from '../domain/ports/desk.ts';
import type { HereAccount, HereGateway, HereProject } from '../domain/ports/here.ts';
import type { Answered, ListedProject, NoAnswer } from '../domain/ports/here-questions.ts';
import type { Views } from './views.ts';

export interface HereDeskOptions {
  readonly gateway: HereGateway;
  readonly definitions: Pick<Definitions, 'record'>;
  readonly make: (id: string, record: DefinitionRecord) => MadeConnection;
  readonly views: Pick<Views, 'status'>;
  readonly services: readonly string[];
  readonly defaultService: string;
}

export type HereDesk = Omit<Desk, 'test' | 'tryUplink'> & {
  unclaim(connectionId: string, device: string, signal: AbortSignal): Promise<Answered<null>>;
  /** Logs in and opens the project. The account is released afterwards. */
  withAccount<T>(key: AccountKey, password: string, signal: AbortSignal, use: AccountUse<T>): Promise<Answered<T>>;
};
export type AccountUse<T> = (account: HereAccount, isReused: boolean) => Promise<Answered<T>>;

export function createHereDesk(options: HereDeskOptions): HereDesk {
  const { gateway, definitions, make, views } = options;

  async function withAccount<T>(
    key: AccountKey,
    password: string,
    signal: AbortSignal,
    use: AccountUse<T>,
  ): Promise<Answered<T>> {
    const account = gateway.account(key, password);
    try {
      const entered = await account.authenticate(signal);
      if (entered.kind === 'retry') return { kind: 'unavailable', message: entered.message, afterMs: entered.afterMs };
      if (entered.kind === 'refused') {
        const again = entered.attempted ? '' : ' (it was refused before and not sent again)';
        return { kind: 'refused', message: `HERE refused the log-in: ${entered.message}${again}` };
      }
      return await use(account, entered.reused);
    } finally {
      account.release();
    }
  }

  function connectionOf(id: string): Connection | NoAnswer {
    const record = definitions.record(id);
    if (record === null) return { kind: 'notFound', message: `There is no connection ${id}` };
    const made = make(id, record);
    if (made.ok) return made.connection;
    const [error] = made.errors;
    return { kind: 'invalid', message: `The definition of ${id} cannot be used: ${error?.pointer} ${error?.message}` };
  }

  async function withProject<T>(
    id: string,
    signal: AbortSignal,
    use: (project: HereProject, connection: Connection) => Promise<Answered<T>>,
  ): Promise<Answered<T>> {
    const connection = connectionOf(id);
    if ('kind' in connection) return connection;
    const { account: key, appId } = connection;
    return withAccount(key, key.password, signal, async (account) => {
      const opened = await account.openProject(appId, views.status(id)?.appId ?? null, signal);
      if (opened.kind === 'ok') return use(opened.project, connection);
      if (opened.kind === 'retry') return { kind: 'unavailable', message: opened.message, afterMs: opened.afterMs };
      return { kind: 'refused', message: opened.message };
    });
  }

  return {
    withAccount,
    async projects({ email, password, realm = null as never, service }: Credentials, signal) {
      const name = service ?? options.defaultService;
      if (!options.services.includes(name)) {
        const message = `there is no HERE service "${name}"; there are ${options.services.join(', ')}`;
        return { kind: 'invalid', message };
      }
      const key: AccountKey = { service: name, realm: realm ?? null, email: email.trim().toLowerCase() };
      return withAccount(key, password, signal, (account) => account.projects(signal));
    },
    async projectsOf(id, signal): Promise<Answered<readonly ListedProject[]>> {
      const connection = connectionOf(id);
      if ('kind' in connection) return connection;
      const { account: key } = connection;
      return withAccount(key, key.password, signal, (account) => account.projects(signal));
    },
    devices: (id, limit, cursor, signal) =>
      withProject(id, signal, (project) => project.questions.devices(limit, cursor, signal)),
    positions: (id, query, signal) => withProject(id, signal, (project) => project.questions.positions(query, signal)),
    shadow: (id, device, signal) => withProject(id, signal, (project) => project.questions.shadow(device, signal)),
    traces: (id, device, query, signal) =>
      withProject(id, signal, (project) => project.questions.traces(device, query, signal)),
    unclaim: (id, device, signal) =>
      withProject(id, signal, async (project) => {
        const answer = await project.questions.unclaim(device, signal);
        if (answer.kind === 'ok') project.devices.forget(device);
        return answer;
      }),
    create: (id, devices, signal) =>
      withProject(id, signal, async (project, connection) => {
        const verdicts = await project.devices.ensure(devices, connection.maxDevices, signal);
        const words = [...verdicts].map(([device, verdict]) => [
          device,
          'message' in verdict ? `${verdict.kind}: ${verdict.message}` : verdict.kind,
        ]);
        return { kind: 'ok', value: Object.fromEntries(words) };
      }),
  };
}
