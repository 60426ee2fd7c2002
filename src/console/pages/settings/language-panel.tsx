// Which language the console speaks in this browser.
import type { ReactNode } from 'react';
import { chooseLanguage, chosenLanguage, LANGUAGE_NAMES, LANGUAGES, languageOf } from '../../text/language.ts';
import { text } from '../../text/text.ts';
import { Panel } from '../../ui/panel.tsx';

const words = text.access;

export function LanguagePanel(): ReactNode {
  const usual = LANGUAGE_NAMES[languageOf(null, navigator.languages)];
  return (
    <Panel title={words.language}>
      <label className="field language">
        <span className="visually-hidden">{words.language}</span>
        <select
          className="input"
          name="language"
          value={chosenLanguage() ?? ''}
          onChange={(event) => {
            chooseLanguage(LANGUAGES.find((each) => each === event.target.value) ?? null);
            // Every string changes: the page begins anew. What was typed elsewhere is kept.
            location.reload();
          }}
        >
          <option value="">{words.languageOfBrowser(usual)}</option>
          {LANGUAGES.map((each) => (
            <option key={each} value={each} lang={each}>
              {LANGUAGE_NAMES[each]}
            </option>
          ))}
        </select>
        <span className="field-hint">{words.languageInfo}</span>
      </label>
    </Panel>
  );
}
