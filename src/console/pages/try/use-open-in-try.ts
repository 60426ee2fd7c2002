// Takes a message that is shown somewhere over to "Try an uplink", to be changed there.
import { useNavigate } from '@tanstack/react-router';
import { useDraft } from '../../forms/draft.ts';

const NO_SECRETS: readonly string[] = [];

export function useOpenInTry(): (uplink: string) => void {
  const draft = useDraft('try', NO_SECRETS);
  const navigate = useNavigate();
  return (uplink) => {
    draft.set('uplink', indented(uplink));
    void navigate({ to: '/try' });
  };
}

/** JSON as a person reads it; any other text as it is. */
export function indented(text: string): string {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
