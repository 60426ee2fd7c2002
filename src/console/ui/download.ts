// Files that the browser saves, made on the page.

/** `parts`: text, in order. */
export function saveFile(name: string, type: string, parts: readonly string[]): void {
  const url = URL.createObjectURL(new Blob([...parts], { type }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  // The download has its own hold on the content by then.
  setTimeout(() => URL.revokeObjectURL(url), 60_000);
}

/** For names of files: `2026-11-29T06-30-00`. */
export function fileTime(): string {
  return new Date().toISOString().slice(0, 19).replaceAll(':', '-');
}
