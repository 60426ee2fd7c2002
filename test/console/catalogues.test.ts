// The catalogues of the console: the same strings in each language, with the same things put into them; and which one is chosen.
import { describe, expect, test } from 'vitest';
import { ConfigurationInput } from '../../src/api/connection-schemas.ts';
import { catalogue as de } from '../../src/console/text/de.ts';
import { en } from '../../src/console/text/en.ts';
import { catalogue as fr } from '../../src/console/text/fr.ts';
import { languageOf, localesOf } from '../../src/console/text/language.ts';

type Entry = string | ((...parts: string[]) => string);

/** Of these English has none: the bridge says them itself. */
const BY_BRIDGE = /^(connector$|fields\.)/;

/** Dotted path → string or function. */
function entriesOf(value: unknown, path = ''): Map<string, Entry> {
  if (typeof value === 'string' || typeof value === 'function') return new Map([[path, value as Entry]]);
  return new Map(
    Object.entries(value as object).flatMap(([key, each]) => [
      ...entriesOf(each, path === '' ? key : `${path}.${key}`),
    ]),
  );
}

const PARTS = ['‹0›', '‹1›', '‹2›', '‹3›'];

function written(entry: Entry): string {
  return typeof entry === 'string' ? entry : entry(...PARTS.slice(0, entry.length));
}

/** What is put in, and what stands for something: `{DevEUI}`, names of fields, addresses of protocols. */
function placeholders(text: string): string[] {
  return (
    text.match(/‹\d›|\{[A-Za-z]+\}|\b[a-z]+s?:\/\/|\bpayload_hex\b|\bFPort\b|\bhere-bridge users add\b/g) ?? []
  ).sort();
}

/** The same in every language. */
const UNTRANSLATED = /^(product|.*\.here|.*placeholder|.*brokerAddressExamples\..*)$/;

const english = entriesOf(en);

describe.each([
  ['German', entriesOf(de)],
  ['French', entriesOf(fr)],
])('the catalogue in %s', (_name, other) => {
  test('has the same strings', () => {
    const shared = (paths: Iterable<string>): string[] => [...paths].filter((path) => !BY_BRIDGE.test(path)).sort();
    expect(shared(other.keys())).toEqual(shared(english.keys()));
  });

  test('says what every field of a connection means', () => {
    const fields = Object.keys(ConfigurationInput.properties).flatMap((name) => [
      `fields.${name}.title`,
      `fields.${name}.info`,
    ]);
    const told = [...other].filter(([path, words]) => path.startsWith('fields.') && words !== '');
    expect(told.map(([path]) => path).sort()).toEqual(fields.sort());
  });

  test('puts the same things into them', () => {
    for (const [path, entry] of english) {
      const theirs = other.get(path) as Entry;
      expect([path, typeof theirs, placeholders(written(theirs))]).toEqual([
        path,
        typeof entry,
        placeholders(written(entry)),
      ]);
    }
  });

  test('leaves no sentence in English, and none empty', () => {
    for (const [path, entry] of english) {
      if (BY_BRIDGE.test(path)) continue;
      const [here, there] = [written(entry), written(other.get(path) as Entry)];
      expect(there.trim(), path).not.toBe('');
      if (UNTRANSLATED.test(path) || (here.match(/\p{L}{2,}/gu) ?? []).length < 3) continue;
      expect(there, path).not.toBe(here);
    }
  });
});

describe('the language', () => {
  test('is the first that the browser asks for and that there is; else English', () => {
    expect(languageOf(null, ['fr-CH', 'de'])).toBe('fr');
    expect(languageOf(null, ['it-IT', 'de-AT', 'en'])).toBe('de');
    expect(languageOf(null, ['it-IT'])).toBe('en');
    expect(languageOf(null, [])).toBe('en');
  });

  test('is what was chosen, whatever the browser asks for', () => {
    expect(languageOf('de', ['en-GB'])).toBe('de');
  });

  test('numbers stay as the reader writes them; words fit the text around them', () => {
    expect(localesOf(null, ['it-IT', 'de-AT'])).toEqual({ words: 'de-AT', figures: ['it-IT', 'de-AT'] });
    expect(localesOf(null, ['it-IT'])).toEqual({ words: 'en', figures: ['it-IT'] });
    expect(localesOf('fr', ['en-GB'])).toEqual({ words: 'fr', figures: ['fr'] });
    expect(localesOf('de', ['en-GB', 'de-CH'])).toEqual({ words: 'de-CH', figures: ['de-CH'] });
  });
});
