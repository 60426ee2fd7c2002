// Foreign words on a terminal and in a line of a log: client ids, names, answers.

/** What would steer a terminal or begin a line of its own is written out. */
export function printable(text: string): string {
  return text.replaceAll(/[\p{Cc}\u2028\u2029]/gu, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}
