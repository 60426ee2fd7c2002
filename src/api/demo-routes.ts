// Routes of the demo: whether it runs, starting it, removing it whole.
import Type from 'typebox';
import { DEMO_SERVICE, type DemoOutcome, type DemoView } from '../domain/ports/demo.ts';
import type { ApiApp } from './app.ts';
import { component } from './components.ts';
import { Count, Nullable } from './fields.ts';
import { Refusal } from './problem.ts';
import type { ApiPorts } from './routes.ts';

const DemoSchema = component(
  'Demo',
  Type.Object(
    {
      state: Type.Enum(['off', 'changing', 'running']),
      connections: Type.Array(Type.String(), { description: 'The connections that are the demo’s.' }),
      devices: Count,
      ratePerSecond: Type.Number(),
      unavailable: Nullable(Type.String({ description: 'Why it cannot be started here.' })),
    },
    {
      description: `A simulated fleet that goes through the bridge into a simulated HERE (the service ${DEMO_SERVICE}).`,
    },
  ),
);

const tags = ['Demo'];
const NOT_HERE: DemoView = {
  ...{ state: 'off', connections: [], devices: 0, ratePerSecond: 0 },
  unavailable: 'This process has no demo: it comes with here-bridge start',
};

export function demoRoutes(app: ApiApp, { demo }: Pick<ApiPorts, 'demo'>): void {
  app.get(
    '/demo',
    {
      config: { right: 'status:read' },
      schema: { tags, summary: 'Whether the demo runs', response: { 200: DemoSchema } },
    },
    async () => demo?.view() ?? NOT_HERE,
  );

  app.post(
    '/demo',
    {
      config: { right: 'demo:write' },
      schema: {
        tags,
        summary: 'Start the demo: connections, a simulated fleet, a simulated HERE',
        description:
          'Nothing of it leaves this machine, and it has topics of its own. Answers when it runs; again it changes nothing. ' +
          'It goes on after a restart of the bridge, until it is removed.',
        response: { 200: DemoSchema },
      },
    },
    async () => shown(await demo?.start()),
  );

  app.delete(
    '/demo',
    {
      config: { right: 'demo:write' },
      schema: {
        tags,
        summary: 'Remove the demo whole: its connections and what they have stored',
        response: { 200: DemoSchema },
      },
    },
    async () => shown(await demo?.remove()),
  );
}

function shown(outcome: DemoOutcome | undefined): DemoView {
  if (outcome === undefined) throw new Refusal(409, NOT_HERE.unavailable ?? '');
  if (outcome.kind === 'unavailable') throw new Refusal(409, outcome.message);
  return outcome.view;
}
