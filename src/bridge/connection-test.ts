// Tries a definition before it is saved: each step with its result, and nothing is left behind.

import type { MadeConnection } from '../connections/definition.ts';
import { mergeMasked } from '../connections/definition-secrets.ts';
import type { DefinitionValidator } from '../connections/validate-definition.ts';
import type { Connection, DefinitionRecord } from '../domain/connection.ts';
import { isPlainObject } from '../domain/plain-object.ts';
import type { ConnectionTest, TestStep } from '../domain/ports/desk.ts';
import type { Answered, ListedProject } from '../domain/ports/here-questions.ts';
import type { HereDesk } from './here-desk.ts';
import type { SourceLook } from './source-look.ts';

export interface ConnectionTestOptions {
  readonly record: (id: string) => DefinitionRecord | null;
  readonly validate: DefinitionValidator;
  readonly make: (id: string, record: DefinitionRecord) => MadeConnection;
  readonly desk: Pick<HereDesk, 'withAccount'>;
  readonly lookAt: SourceLook;
}

/** Where a definition has no id yet: secrets that are sent in plain need none. */
const NO_ID = 'new';
const DAY_MS = 24 * 3_600_000;
const ENDING_MS = 14 * DAY_MS;

export async function testConnection(
  options: ConnectionTestOptions,
  { id, definition, listenMs, now }: { id: string | null; definition: unknown; listenMs: number; now: number },
  signal: AbortSignal,
): Promise<ConnectionTest> {
  const steps: TestStep[] = [];
  const connection = read(options, id, definition, steps);
  if (connection === null) {
    for (const step of ['logIn', 'project', 'quota', 'source'] as const) {
      steps.push({ step, result: 'skipped', message: 'The definition comes first.' });
    }
    return { ok: false, steps };
  }
  const [ofHere, source] = await Promise.all([
    testHere(options, connection, now, signal),
    options.lookAt(connection, listenMs, signal),
  ]);
  steps.push(...ofHere, source);
  return { ok: steps.every(({ result }) => result !== 'failed'), steps };
}

function read(
  { record, validate, make }: ConnectionTestOptions,
  id: string | null,
  definition: unknown,
  steps: TestStep[],
): Connection | null {
  const before = id === null ? null : record(id);
  const isWhole = isPlainObject(definition) && isPlainObject(definition.configuration);
  const merged = isWhole ? mergeMasked(before, definition as DefinitionRecord) : definition;
  const validated = validate(id, merged);
  const made = validated.ok ? make(id ?? NO_ID, validated.record) : validated;
  if (!made.ok) {
    const message = `${made.errors.length === 1 ? 'One field is' : `${made.errors.length} fields are`} not right.`;
    steps.push({ step: 'definition', result: 'failed', message, errors: made.errors });
    return null;
  }
  steps.push({ step: 'definition', result: 'ok', message: 'Every field is right.' });
  return made.connection;
}

async function testHere(
  { desk }: ConnectionTestOptions,
  connection: Connection,
  now: number,
  signal: AbortSignal,
): Promise<TestStep[]> {
  const { account: key, appId } = connection;
  let logIn: TestStep | null = null;
  const later: TestStep[] = [];
  const outcome: Answered<null> = await desk.withAccount(key, key.password, signal, async (account, isReused) => {
    const message = isReused
      ? 'HERE has let this account in before; its token is still good.'
      : 'HERE lets this account in.';
    logIn = { step: 'logIn', result: 'ok', message };
    const listed = await account.projects(signal);
    if (listed.kind !== 'ok') return listed;
    const projects = listed.value;
    const opened = await account.openProject(appId, null, signal);
    if (opened.kind !== 'ok') {
      later.push({ step: 'project', result: 'failed', message: opened.message, details: { projects } });
      return { kind: 'ok', value: null };
    }
    const { appId: found, projectName } = opened.project;
    const chosen = projects.find((each) => each.appId === found) ?? null;
    later.push(projectStep(projectName, found, appId === null, chosen, projects, now));
    later.push(quotaStep(connection, chosen));
    return { kind: 'ok', value: null };
  });
  if (logIn === null) {
    const isRefused = outcome.kind === 'refused';
    const message = 'message' in outcome ? outcome.message : '';
    logIn = { step: 'logIn', result: 'failed', message: isRefused ? message : `HERE does not answer: ${message}` };
  } else if (outcome.kind !== 'ok') later.push({ step: 'project', result: 'failed', message: outcome.message });
  const done = [logIn, ...later];
  for (const step of ['project', 'quota'] as const) {
    if (!done.some((each) => each.step === step)) {
      done.push({ step, result: 'skipped', message: 'A step before it failed.' });
    }
  }
  return done;
}

function projectStep(
  name: string,
  appId: string,
  isFirst: boolean,
  project: ListedProject | null,
  projects: readonly ListedProject[],
  now: number,
): TestStep {
  const which = isFirst ? `the account's first project, "${name}" (${appId})` : `the project "${name}" (${appId})`;
  const details = { appId, projectName: name, endsAt: isoOf(project?.endsAt ?? null), projects };
  const leftMs = project?.endsAt == null ? Number.POSITIVE_INFINITY : project.endsAt - now;
  if (leftMs > ENDING_MS) return { step: 'project', result: 'ok', message: `Uplinks go into ${which}.`, details };
  const days = Math.max(0, Math.floor(leftMs / DAY_MS));
  const message = `Uplinks go into ${which}; its licence ends in ${days} days.`;
  return { step: 'project', result: 'warning', message, details };
}

function quotaStep({ createDevices }: Connection, project: ListedProject | null): TestStep {
  const left = project?.devicesLeft ?? null;
  if (left === null)
    return { step: 'quota', result: 'ok', message: 'HERE does not say how many devices it still creates.' };
  const details = { devicesLeft: left };
  const message = `HERE creates ${left} more devices.`;
  if (left > 0 || !createDevices) return { step: 'quota', result: 'ok', message, details };
  return { step: 'quota', result: 'warning', message: `${message} New ones will wait.`, details };
}

function isoOf(ms: number | null): string | null {
  return ms === null ? null : new Date(ms).toISOString();
}
