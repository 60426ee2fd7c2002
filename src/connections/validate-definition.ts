// Validates a record of the config topic: every wrong field at once, by JSON pointer, in plain words, without its value.
import { Compile } from 'typebox/compile';
import { type DefinitionRecord, DefinitionSchema, type FieldError } from '../domain/connection.ts';
import { explain, MAX_FIELD_ERRORS, type PatternWords } from '../domain/explain-schema.ts';
import { checkSemantics, type DefinitionCheckers } from './check-semantics.ts';

export type Validated =
  | { readonly ok: true; readonly record: DefinitionRecord }
  | { readonly ok: false; readonly errors: readonly FieldError[] };

/** `id`: the key that the record is stored under; null when it has none yet. Never throws. */
export type DefinitionValidator = (id: string | null, value: unknown) => Validated;

const compiled = Compile(DefinitionSchema);

const CLOCK_WORDS = 'a time of day such as 08:00 or 17:30:00';
const PATTERN_WORDS: PatternWords = {
  '^[A-Za-z0-9][A-Za-z0-9_.-]{0,62}$':
    'at most 63 letters, digits, dots, dashes and underscores, beginning with a letter or digit',
  '^lora:[0-9A-Fa-f]{16}$': '"lora:" and the 16 hex digits of the DevEUI, as in lora:0018b20000000b20',
  '^([01]\\d|2[0-3]):[0-5]\\d(:[0-5]\\d)?$': CLOCK_WORDS,
  '^(([01]\\d|2[0-3]):[0-5]\\d(:[0-5]\\d)?|24:00)$': `${CLOCK_WORDS}, or 24:00`,
  '^[A-Za-z0-9_-]*$': "letters, digits, - and _; blank for the account's first project",
};

/** A validator that also knows what only a worker knows: its brokers, its services, the line's grammars. */
export function createDefinitionValidator(checkers: DefinitionCheckers): DefinitionValidator {
  return (id, value) => {
    const fits = compiled.Check(value);
    const errors = fits ? [] : explain(DefinitionSchema, value, PATTERN_WORDS);
    const told = new Set(errors.map((error) => error.pointer));
    for (const error of checkSemantics(id, value, checkers)) if (!told.has(error.pointer)) errors.push(error);
    if (fits && errors.length === 0) return { ok: true, record: value };
    // The two judge by the same schema (a test compares them); should they ever differ, the verdict stands.
    if (errors.length === 0) errors.push({ pointer: '', message: 'does not follow the schema of a connection' });
    return { ok: false, errors: errors.slice(0, MAX_FIELD_ERRORS) };
  };
}
