// Downlink templates: JSON in which texts hold placeholders `{{/payload/interval}}`, JSON pointers into the desired shadow
// (`payload`, `system`). A text that is one placeholder becomes the value as it is; in a longer text it becomes words. No code.
import { atPointer, isObject, type JsonObject } from './json.ts';

const MAX_CHARACTERS = 4_096;
const MAX_DEPTH = 20;
const PLACEHOLDER = /\{\{([^{}]*)\}\}/g;
const WHOLE = /^\{\{([^{}]*)\}\}$/;
const POINTER = /^(?:\/(?:[^~/]|~[01])*)+$/;
const GRAMMAR =
  'placeholders are JSON pointers into the desired shadow, such as {{/payload/interval}} or {{/system/rate/sendMs}}';

/** What is wrong with a template and what is allowed, to follow its field's name; null: nothing. */
export function checkTemplate(template: unknown): string | null {
  if (!isObject(template)) return 'must be a JSON object';
  let hasPlaceholder = false;
  let wrong: string | null = null;
  const look = (value: unknown, depth: number): void => {
    if (wrong !== null) return;
    if (depth > MAX_DEPTH) {
      wrong = `must not be nested more than ${MAX_DEPTH} levels deep`;
      return;
    }
    if (typeof value === 'string') {
      for (const [, pointer = ''] of value.matchAll(PLACEHOLDER)) {
        hasPlaceholder = true;
        const root = pointer.split('/')[1];
        if (!POINTER.test(pointer) || (root !== 'payload' && root !== 'system')) {
          wrong = `has the placeholder {{${pointer.slice(0, 60)}}}: ${GRAMMAR}`;
        }
      }
      if (/\{\{|\}\}/.test(value.replace(PLACEHOLDER, ''))) wrong = `must close each {{ with }}: ${GRAMMAR}`;
    } else if (Array.isArray(value)) for (const each of value) look(each, depth + 1);
    else if (isObject(value)) for (const each of Object.values(value)) look(each, depth + 1);
  };
  look(template, 1);
  if (wrong !== null) return wrong;
  if (JSON.stringify(template).length > MAX_CHARACTERS) return `must have at most ${MAX_CHARACTERS} characters`;
  return hasPlaceholder ? null : `must hold at least one placeholder: ${GRAMMAR}`;
}

/** The template with the shadow's values; null: a placeholder finds nothing, so there is nothing to be sent. */
export function renderTemplate(template: JsonObject, desired: unknown): JsonObject | null {
  const missing = Symbol('missing');
  const render = (value: unknown): unknown => {
    if (typeof value === 'string') {
      const whole = WHOLE.exec(value);
      if (whole) return atPointer(desired, whole[1] as string) ?? missing;
      let isWhole = true;
      const text = value.replace(PLACEHOLDER, (_, pointer: string) => {
        const found = atPointer(desired, pointer);
        if (typeof found === 'string' || typeof found === 'number' || typeof found === 'boolean') return String(found);
        isWhole = false;
        return '';
      });
      return isWhole ? text : missing;
    }
    if (Array.isArray(value)) {
      const items = value.map(render);
      return items.includes(missing) ? missing : items;
    }
    if (!isObject(value)) return value;
    const members: [string, unknown][] = Object.entries(value).map(([name, each]) => [name, render(each)]);
    return members.some(([, each]) => each === missing) ? missing : Object.fromEntries(members);
  };
  const rendered = render(template);
  return isObject(rendered) ? rendered : null;
}
