// Which language the console speaks: the one that was chosen for this browser, else the first that the browser asks for and that
// there is a catalogue in, else English.

export const LANGUAGES = ['en', 'de', 'fr'] as const;
export type Language = (typeof LANGUAGES)[number];

/** Each calls itself by its own name. */
export const LANGUAGE_NAMES: Readonly<Record<Language, string>> = { en: 'English', de: 'Deutsch', fr: 'Français' };

const KEY = 'here-bridge.language';

function baseOf(locale: string): string {
  return locale.split('-', 1)[0]?.toLowerCase() ?? '';
}

function known(name: string | null): Language | null {
  return LANGUAGES.find((language) => language === name) ?? null;
}

/** Null: none was chosen; it is the browser's. */
export function chosenLanguage(): Language | null {
  try {
    return known(localStorage.getItem(KEY));
  } catch {
    // Storage may be forbidden.
    return null;
  }
}

/** For pages that are loaded from now on; null: the browser's again. */
export function chooseLanguage(language: Language | null): void {
  if (language === null) localStorage.removeItem(KEY);
  else localStorage.setItem(KEY, language);
}

export function languageOf(chosen: Language | null, wanted: readonly string[]): Language {
  return chosen ?? wanted.map((locale) => known(baseOf(locale))).find((language) => language !== null) ?? 'en';
}

/**
 * `words`: of what is told in words ("3 minutes ago"), so that it fits the text around it. `figures`: of numbers and dates: as the
 * browser's reader writes them, unless a language was chosen that is not the browser's.
 */
export function localesOf(
  chosen: Language | null,
  wanted: readonly string[],
): { readonly words: string; readonly figures: readonly string[] } {
  const language = languageOf(chosen, wanted);
  const words = wanted.find((locale) => baseOf(locale) === language) ?? language;
  return { words, figures: chosen === null ? wanted : [words] };
}
