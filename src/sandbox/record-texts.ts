// Finds each record's own text in the body of a batch: several times cheaper than writing the parsed record out again.

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const OPEN_BRACE = 0x7b;
const CLOSE_BRACE = 0x7d;
const OPEN_BRACKET = 0x5b;
const CLOSE_BRACKET = 0x5d;

/**
 * The texts of the objects in the `data` array of `{…, "data": […]}`, as sent. `body` must be valid JSON. Null when it is
 * not of that simple form or has not `expected` objects: then they must be written out.
 */
export function recordTexts(body: Buffer, expected: number): string[] | null {
  const texts: string[] = [];
  let depth = 0;
  let start = -1;
  let inData = false;
  let keyStart = 0;
  let keyEnd = 0;
  for (let i = 0; i < body.length; i++) {
    switch (body[i]) {
      case QUOTE: {
        const from = i + 1;
        for (i++; body[i] !== QUOTE; i++) if (body[i] === BACKSLASH) i++;
        if (depth === 1) {
          keyStart = from;
          keyEnd = i;
        }
        break;
      }
      case OPEN_BRACE:
        if (inData && depth === 2) start = i;
        depth++;
        break;
      case OPEN_BRACKET:
        if (depth === 1) {
          // Twice `data`: the last one would count, as it does for JSON.parse.
          if (inData) return null;
          inData = isData(body, keyStart, keyEnd);
          if (inData && texts.length > 0) return null;
        }
        depth++;
        break;
      case CLOSE_BRACE:
        depth--;
        if (inData && depth === 2) texts.push(body.toString('utf8', start, i + 1));
        break;
      case CLOSE_BRACKET:
        depth--;
        if (depth === 1) inData = false;
        break;
    }
  }
  return texts.length === expected ? texts : null;
}

function isData(body: Buffer, start: number, end: number): boolean {
  return (
    end - start === 4 &&
    body[start] === 0x64 &&
    body[start + 1] === 0x61 &&
    body[start + 2] === 0x74 &&
    body[start + 3] === 0x61
  );
}
