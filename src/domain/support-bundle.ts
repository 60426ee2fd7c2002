// What a support bundle is made of, wherever it is put together: by the command, or by a page.

/** What is asked of the running bridge; each is left out, with the reason, where it cannot be had. */
export const BUNDLE_PARTS = {
  status: '/status',
  connections: '/connections?perPage=100',
  ledgers: '/ledgers',
  events: '/events?limit=1000',
  usage: '/here/usage',
  metrics: '/metrics',
} as const;

export const BUNDLE_ABOUT = 'A support bundle of the HERE Tracking Bridge, without secrets';

const EMAIL = /[A-Za-z0-9._%+-]+@[A-Za-z0-9.-]+\.[A-Za-z]{2,}/g;

export function hideEmails(text: string): string {
  return text.replaceAll(EMAIL, '(email)');
}

/** Metrics are text; their comments are left out. */
export function metricLines(text: string): readonly string[] {
  return text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
}
