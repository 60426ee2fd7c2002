// Whoever sends a form with something wrong in it is led there: the first such field gets the focus, and so its complaint is read out.
import { type RefObject, useEffect } from 'react';

/** `attempts`: how often the form was sent, or refused; each looks once, after the complaints are drawn. */
export function useFirstWrong(form: RefObject<HTMLFormElement | null>, attempts: number): void {
  useEffect(() => {
    if (attempts === 0) return;
    const wrong = form.current?.querySelector<HTMLElement>('[aria-invalid=true]');
    // What is folded away cannot have the focus.
    wrong?.closest('details')?.setAttribute('open', '');
    wrong?.focus();
  }, [form, attempts]);
}
