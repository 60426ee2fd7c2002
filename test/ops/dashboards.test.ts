// The dashboard and the alert rules name only metrics that exist, in PromQL that parses; each alert has its runbook.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { parser } from '@prometheus-io/lezer-promql';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import type { BridgeFacts } from '../../src/domain/ports/facts.ts';
import { Metrics } from '../../src/ops/metrics.ts';

const root = path.resolve(import.meta.dirname, '../..');
const read = (file: string): string => readFileSync(path.join(root, file), 'utf8');

const NOTHING: BridgeFacts = {
  worker: 'w',
  version: '0',
  ready: false,
  brokers: [],
  connections: [],
  connectionsLeftOut: 0,
  states: {},
  usage: [],
  accounts: [],
};

/** Names of series that may be asked for, and `up`, which Prometheus adds. */
function knownNames(): ReadonlySet<string> {
  const names = new Metrics(() => NOTHING).names();
  return new Set(['up', ...names.flatMap((name) => [name, `${name}_bucket`, `${name}_sum`, `${name}_count`])]);
}

/** Grafana's own variables stand for durations and label values. */
function plain(expression: string): string {
  return expression.replaceAll('$__rate_interval', '1m').replaceAll('$connection', '.*');
}

/** Throws where the expression is not PromQL. */
function metricsOf(expression: string): string[] {
  const text = plain(expression);
  const names: string[] = [];
  parser.parse(text).iterate({
    enter: ({ type, name, from, to }) => {
      if (type.isError) throw new Error(`not PromQL at ${from}: ${text}`);
      if (name === 'VectorSelector') names.push((/^[\w:]+/.exec(text.slice(from, to)) ?? [''])[0]);
    },
  });
  return names;
}

interface Panel {
  readonly type: string;
  readonly title: string;
  readonly targets?: readonly { readonly expr: string; readonly legendFormat: string }[];
}
const dashboard = JSON.parse(read('config/grafana/here-tracking-bridge.json')) as { readonly panels: readonly Panel[] };
const alerts = (
  parse(read('config/prometheus/alerts.yml')) as {
    readonly groups: readonly { readonly rules: readonly { readonly alert: string; readonly expr: string }[] }[];
  }
).groups.flatMap(({ rules }) => rules);

describe('The reader of expressions', () => {
  test('finds names in nested expressions, and what is no PromQL', () => {
    expect(metricsOf('sum by (a) (rate(x_total{b="c"}[$__rate_interval])) / y > 0')).toEqual(['x_total', 'y']);
    expect(() => metricsOf('sum(x')).toThrow('not PromQL');
  });
});

describe('config/grafana', () => {
  test('asks for metrics that exist alone', () => {
    const known = knownNames();
    const asked = dashboard.panels.flatMap(({ targets = [] }) => targets.flatMap(({ expr }) => metricsOf(expr)));
    expect(asked.length).toBeGreaterThan(25);
    expect(asked.filter((name) => !known.has(name))).toEqual([]);
  });

  test('shows every metric of the bridge but those that say who it is', () => {
    const asked = new Set(
      dashboard.panels.flatMap(({ targets = [] }) => targets.flatMap(({ expr }) => metricsOf(expr))),
    );
    const own = new Metrics(() => NOTHING).names().filter((name) => name.startsWith('here_bridge_'));
    const unseen = own.filter((name) => !['', '_bucket'].some((ending) => asked.has(name + ending)));
    expect(unseen.map((name) => name.replace('here_bridge_', '')).sort()).toEqual([
      'connection_state',
      'connections_left_out',
      'devices_waiting',
      'info',
      'ready',
      'requests_in_flight',
    ]);
  });
});

describe('config/prometheus', () => {
  test('alerts on metrics that exist alone', () => {
    const known = knownNames();
    expect(alerts.length).toBeGreaterThan(10);
    for (const { alert, expr } of alerts) {
      const names = metricsOf(expr);
      expect([alert, names.length > 0, names.filter((name) => !known.has(name))]).toEqual([alert, true, []]);
    }
  });

  test('has a runbook for each alert', () => {
    const operations = read('docs/operations.md');
    expect(alerts.filter(({ alert }) => !operations.includes(`### ${alert}\n`)).map(({ alert }) => alert)).toEqual([]);
  });
});
