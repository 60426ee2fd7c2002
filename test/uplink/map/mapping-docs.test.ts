// docs/mapping.md against the tables of rules: the same rules in the same order, and each example is taken by its rule.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, test } from 'vitest';
import { RULE_NAMES } from '../../../src/uplink/map/check-mapping.ts';
import { explain } from '../../../src/uplink/prepare.ts';
import { ARRIVED, connection, message, uplink } from '../prepare-support.ts';

const page = readFileSync(path.resolve(import.meta.dirname, '../../../docs/mapping.md'), 'utf8');
const rules = page.slice(page.indexOf('## The rules'), page.indexOf('## The payload'));
const rows = rules
  .split('\n### ')
  .slice(1)
  .flatMap((section) => {
    const field = section.slice(0, section.indexOf('\n'));
    return [...section.matchAll(/^\| `([a-z0-9-]+)` \| (.*) \|$/gm)].map(([, rule = '', example = '']) => ({
      field,
      rule,
      example: example.startsWith('`') ? example.slice(1, -1) : null,
    }));
  });

describe('docs/mapping.md', () => {
  test('lists the rules of the tables in their order', () => {
    expect(rows.map(({ rule }) => rule)).toEqual(RULE_NAMES);
  });

  test.each(rows.filter(({ example }) => example !== null))(
    'has an example that $rule takes',
    ({ field, rule, example }) => {
      const given = JSON.parse(example as string);
      const isMessage = ['deviceEUI', 'DevEUI_location', 'end_device_ids'].some((key) => key in given);
      const content = isMessage
        ? given
        : 'points' in given
          ? uplink(given.payload, { points: given.points })
          : uplink(given);
      const { fields } = explain(connection(), message(content), ARRIVED);
      expect(fields.find((one) => one.field === field)).toMatchObject({ field, rule });
    },
  );
});
