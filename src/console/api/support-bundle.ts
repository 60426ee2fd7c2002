// A support bundle as far as a page can put it together: what the bridge tells whoever is logged in, without secrets.
import { useMutation } from '@tanstack/react-query';
import { redactText } from '../../domain/redact-text.ts';
import { BUNDLE_ABOUT, BUNDLE_PARTS, hideEmails, metricLines } from '../../domain/support-bundle.ts';

/** Resolves to the bundle's text; a part that cannot be had is the reason instead. */
export function useSupportBundle() {
  return useMutation({
    mutationFn: async (): Promise<string> => {
      const bridge: Record<string, unknown> = {};
      for (const [part, path] of Object.entries(BUNDLE_PARTS)) bridge[part] = await askFor(path);
      const bundle = { about: BUNDLE_ABOUT, time: new Date().toISOString(), browser: navigator.userAgent, bridge };
      const safe = (_key: string, value: unknown): unknown =>
        typeof value === 'string' ? hideEmails(redactText(value)) : value;
      return `${JSON.stringify(bundle, safe, 2)}\n`;
    },
  });
}

async function askFor(path: string): Promise<unknown> {
  try {
    const answer = await fetch(path, { credentials: 'same-origin' });
    const isJson = answer.headers.get('content-type')?.includes('json') === true;
    return isJson ? await answer.json() : metricLines(await answer.text());
  } catch (error) {
    return { error: String(error) };
  }
}
