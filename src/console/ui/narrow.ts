// Whether the window is a phone's: for what a style sheet cannot do, such as another order of columns.
import { useSyncExternalStore } from 'react';

const PHONE = matchMedia('(max-width: 600px)');

export function useNarrow(): boolean {
  return useSyncExternalStore(follow, () => PHONE.matches);
}

function follow(onChange: () => void): () => void {
  PHONE.addEventListener('change', onChange);
  return () => PHONE.removeEventListener('change', onChange);
}
