// A model of a HERE project at its port: answers by rule, at once. For unit tests of what the line does with answers.
import type {
  DeviceRegistry,
  DeviceVerdict,
  HereAnswer,
  HereProject,
  ProjectLook,
  RequestGate,
  RequestOutcome,
} from '../../src/domain/ports/here.ts';
import type { ProjectQuestions } from '../../src/domain/ports/here-questions.ts';

export const answer = (status: number, message = `HTTP ${status}`): HereAnswer => ({
  status,
  hereErrorCode: status * 1000 + 306,
  message,
  requestId: '00000000-0000-4000-8000-000000000000',
});

export interface ModelProject extends HereProject {
  readonly requests: string[][];
  readonly accepted: string[];
  tooLargeCalls: number;
}

export function modelProject(options: {
  readonly appId?: string;
  /** Records per request above which HERE answers 413. */
  readonly limit?: number;
  /** null: accepted. */
  readonly judge?: (records: readonly string[]) => RequestOutcome | null;
  readonly isKnown?: (device: string) => boolean;
  readonly ensure?: (devices: readonly string[]) => ReadonlyMap<string, DeviceVerdict>;
  readonly maxRecords?: number;
  readonly licenceEndsAt?: number;
  readonly look?: () => ProjectLook;
}): ModelProject {
  const gate: RequestGate = {
    run: (_priority, signal, task) => (signal.aborted ? Promise.reject(new Error('aborted')) : task()),
    maxRecords: options.maxRecords ?? 500,
    maxBytes: 1e6,
    tooLarge: () => {
      project.tooLargeCalls += 1;
    },
  };
  const devices: DeviceRegistry = {
    isKnown: options.isKnown ?? (() => true),
    ensure: (asked) =>
      Promise.resolve(
        options.ensure?.(asked) ?? new Map(asked.map((device) => [device, { kind: 'created' as const }])),
      ),
    confirm: () => {},
    forget: () => {},
    doubt: () => {},
    forgetQuota: () => {},
  };
  const project: ModelProject = {
    key: `model|${options.appId ?? 'app'}`,
    appId: options.appId ?? 'app',
    projectId: null,
    projectName: 'model',
    otherFirst: null,
    licenceEndsAt: options.licenceEndsAt ?? null,
    look: () => Promise.resolve(options.look?.() ?? { kind: 'ok', licenceEndsAt: null, devices: null }),
    gate,
    devices,
    shadows: NO_SHADOWS,
    questions: NO_QUESTIONS,
    requests: [],
    accepted: [],
    tooLargeCalls: 0,
    send: (records) => {
      project.requests.push([...records]);
      if (options.limit !== undefined && records.length > options.limit) {
        return Promise.resolve({ kind: 'tooLarge', answer: answer(413) });
      }
      const verdict = options.judge?.(records) ?? null;
      if (verdict === null) project.accepted.push(...records);
      return Promise.resolve(verdict ?? { kind: 'accepted', requestId: answer(204).requestId });
    },
  };
  return project;
}

const gone = async () => ({ kind: 'refused' as const, answer: answer(403) });
/** A project whose plan has no shadows. */
const NO_SHADOWS = { page: gone, some: gone, desire: gone };

const NO_ANSWER = { kind: 'unavailable', message: 'a model has nothing to say', afterMs: null } as const;
const NO_QUESTIONS: ProjectQuestions = {
  devices: async () => NO_ANSWER,
  positions: async () => NO_ANSWER,
  shadow: async () => NO_ANSWER,
  traces: async () => NO_ANSWER,
  unclaim: async () => NO_ANSWER,
};
