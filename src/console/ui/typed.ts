// What is typed into a filter that the address of the page keeps.
import { useEffect, useState } from 'react';

const PAUSE_MS = 300;

/**
 * The field's own text and its setter; `onTyped` is told of it once the person pauses. Another `value` from outside (a link, the
 * browser's back) takes the field's place; its own, which comes back late, does not: it would undo what was typed since.
 */
export function useTyped(value: string, onTyped: (typed: string) => void): [string, (typed: string) => void] {
  const [typed, setTyped] = useState(value);
  const [seen, setSeen] = useState(value);
  const [told, setTold] = useState(value);
  if (value !== seen) {
    setSeen(value);
    if (value !== told) {
      setTold(value);
      setTyped(value);
    }
  }
  useEffect(() => {
    if (typed === told) return;
    const timer = setTimeout(() => {
      setTold(typed);
      onTyped(typed);
    }, PAUSE_MS);
    return () => clearTimeout(timer);
  });
  return [typed, setTyped];
}
