// What the steps of the wizard share: their order, and the definition that their answers stand for.
import type { NewConnection } from '../../api/connections.ts';
import type { FormValues } from '../../forms/schema.ts';

export const STEPS = ['account', 'broker', 'topic', 'name'] as const;
export type StepName = (typeof STEPS)[number];

export function stepOf(value: unknown): StepName {
  return STEPS.find((step) => step === value) ?? 'account';
}

export function typedIn(values: FormValues, name: string): string {
  const value = values[name];
  return typeof value === 'string' ? value : '';
}

export function definitionOf(values: FormValues): NewConnection {
  const typed = (name: string): string => typedIn(values, name).trim();
  const [pattern, broker, description] = [typed('pattern'), typed('broker'), typed('description')];
  return {
    connectorId: 'actility-here-iot',
    name: typed('name') === '' ? typed('projectName') || 'HERE' : typed('name'),
    configuration: {
      email: typed('email'),
      password: typedIn(values, 'password'),
      appId: typed('appId'),
      ...(pattern === '' ? {} : { uplinkTopicPattern: pattern }),
      ...(broker === '' ? {} : { source: { broker } }),
      ...(description === '' ? {} : { description }),
    },
  };
}
