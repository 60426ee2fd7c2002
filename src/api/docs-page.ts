// `/docs`: the OpenAPI document as a page for people: no script, no outside resource.
type Json = Record<string, unknown>;

export const DOCS_CSP =
  "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/** `base`: what links to `/docs` and `/openapi.json` begin with. */
export function docsPage(document: Json, base: string): string {
  const { info, paths, components } = document as {
    info: { title: string; version: string; description: string };
    paths: Record<string, Record<string, Json>>;
    components: { schemas: Record<string, Json> };
  };
  const byTag = new Map<string, string[]>();
  const contents = new Map<string, string[]>();
  for (const [path, item] of Object.entries(paths)) {
    for (const [method, operation] of Object.entries(item)) {
      const [tag = 'Other'] = (operation.tags ?? []) as string[];
      byTag.set(tag, [...(byTag.get(tag) ?? []), operationHtml(method, path, operation)]);
      const link = `<li><a href="#${html(String(operation.operationId))}"><b>${method.toUpperCase()}</b> ${html(path)}</a></li>`;
      contents.set(tag, [...(contents.get(tag) ?? []), link]);
    }
  }
  const tags = [...byTag.keys()].sort();
  const anchor = (tag: string): string => `tag-${tag.replaceAll(/\W+/g, '-')}`;
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${html(info.title)}: API</title>
<link rel="stylesheet" href="${base}/docs/style.css">
</head>
<body>
<header>
<h1>${html(info.title)} <small>API ${html(info.version)}</small></h1>
<p>${html(info.description)} The same as a document for programs: <a href="${base}/openapi.json">openapi.json</a>.</p>
</header>
<nav aria-label="Contents">
${tags.map((tag) => `<details><summary>${html(tag)}</summary><ul>${(contents.get(tag) ?? []).join('')}</ul></details>`).join('\n')}
<p><a href="#schemas">Schemas</a></p>
</nav>
<main>
${tags.map((tag) => `<section id="${anchor(tag)}"><h2>${html(tag)}</h2>\n${(byTag.get(tag) ?? []).join('\n')}</section>`).join('\n')}
<section id="schemas"><h2>Schemas</h2>
${Object.entries(components.schemas).map(schemaHtml).join('\n')}
</section>
</main>
</body>
</html>
`;
}

function operationHtml(method: string, path: string, operation: Json): string {
  const {
    operationId,
    summary = '',
    description = '',
    parameters = [],
    requestBody,
    responses,
  } = operation as {
    operationId: string;
    summary?: string;
    description?: string;
    parameters?: { name: string; in: string; required: boolean; description?: string; schema: Json }[];
    requestBody?: { content: Record<string, { schema: Json }> };
    responses: Record<string, { description: string; content?: Record<string, { schema: Json }> }>;
  };
  const rows = parameters.map((parameter) =>
    row([
      `<code>${html(parameter.name)}</code>`,
      `${parameter.in}${parameter.required ? ', required' : ''}`,
      typeHtml(parameter.schema),
      text(parameter.description ?? ''),
    ]),
  );
  const body = Object.values(requestBody?.content ?? {})[0];
  const answers = Object.entries(responses).map(([status, { description: words, content }]) => {
    const [media, shown] = Object.entries(content ?? {})[0] ?? [];
    return row([`<code>${status}</code>`, text(words), media ?? '', shown === undefined ? '' : typeHtml(shown.schema)]);
  });
  return `<article id="${html(operationId)}">
<h3><span class="method ${method}">${method.toUpperCase()}</span> <code>${html(path)}</code></h3>
<p class="summary">${text(summary)}</p>
${paragraphs(description)}
${rows.length === 0 ? '' : `<table><caption>Parameters</caption>${rows.join('')}</table>`}
${body === undefined ? '' : `<table><caption>Body</caption>${row([typeHtml(body.schema)])}</table>`}
<table><caption>Answers</caption>${answers.join('')}</table>
</article>`;
}

function schemaHtml([name, schema]: [string, Json]): string {
  const {
    description = '',
    properties,
    required = [],
  } = schema as {
    description?: string;
    properties?: Record<string, Json>;
    required?: string[];
  };
  const rows = Object.entries(properties ?? {}).map(([field, item]) => {
    const words = [item.description, item.default === undefined ? null : `Default: ${JSON.stringify(item.default)}.`];
    const isRequired = required.includes(field) ? ', required' : '';
    return row([`<code>${html(field)}</code>`, typeHtml(item) + isRequired, text(words.filter(Boolean).join(' '))]);
  });
  return `<article id="schema-${html(name)}"><h3>${html(name)}</h3>${paragraphs(description)}
<table>${rows.length > 0 ? rows.join('') : row([typeHtml(schema)])}</table></article>`;
}

/** A few words: the page is for reading, the document has it all. */
function typeHtml(schema: Json): string {
  const ref = /^#\/components\/schemas\/(.+)$/.exec(String(schema.$ref ?? ''))?.[1];
  if (ref !== undefined) return `<a href="#schema-${html(ref)}">${html(ref)}</a>`;
  if (schema.const !== undefined) return `<code>${html(JSON.stringify(schema.const))}</code>`;
  if (Array.isArray(schema.enum)) return schema.enum.map((each) => `<code>${html(String(each))}</code>`).join(' ');
  if (Array.isArray(schema.anyOf)) return schema.anyOf.map((each) => typeHtml(each as Json)).join(' or ');
  if (schema.type === 'array') return `list of ${typeHtml((schema.items ?? {}) as Json)}`;
  if (schema.type === 'object' && schema.properties !== undefined) {
    return `{ ${Object.keys(schema.properties as Json)
      .map((each) => `<code>${html(each)}</code>`)
      .join(', ')} }`;
  }
  const limits = (['minimum', 'maximum', 'minLength', 'maxLength', 'format', 'pattern'] as const)
    .filter((each) => schema[each] !== undefined)
    .map((each) => `${each} ${html(String(schema[each]))}`);
  return [html(String(schema.type ?? 'anything')), ...limits].join(', ');
}

function row(cells: readonly string[]): string {
  return `<tr>${cells.map((cell) => `<td>${cell}</td>`).join('')}</tr>`;
}

function paragraphs(words: string): string {
  return words
    .split('\n\n')
    .filter((each) => each !== '')
    .map((each) => `<p>${text(each)}</p>`)
    .join('\n');
}

/** With `code` in backticks. */
function text(words: string): string {
  return html(words).replaceAll(/`([^`]+)`/g, '<code>$1</code>');
}

function html(words: string): string {
  return words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;');
}

export const DOCS_STYLE = `:root { color-scheme: light dark; --line: color-mix(in srgb, currentColor 20%, transparent); }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 75rem; padding: 1.5rem; font: 1rem/1.5 system-ui, sans-serif; }
h1 small { font-weight: normal; opacity: .7; }
h2 { margin-top: 3rem; border-bottom: 1px solid var(--line); }
code { font-family: ui-monospace, monospace; font-size: .9em; overflow-wrap: anywhere; }
nav ul { list-style: none; padding-left: 1rem; }
nav summary { cursor: pointer; padding: .2rem 0; }
article { border: 1px solid var(--line); border-radius: .5rem; padding: .25rem 1rem 1rem; margin: 1rem 0; }
article:target { outline: 2px solid #0a7d8c; }
.summary { font-weight: 600; }
.method { display: inline-block; min-width: 4.5rem; padding: .1rem .5rem; border-radius: .3rem; color: #fff; background: #4a5560; font-size: .8rem; text-align: center; }
.get { background: #0b6b3a; } .post { background: #0a5c9e; } .put, .patch { background: #8a5300; } .delete { background: #a3201d; }
table { width: 100%; border-collapse: collapse; margin-top: .75rem; display: block; overflow-x: auto; }
caption { text-align: left; font-weight: 600; }
td { border-top: 1px solid var(--line); padding: .3rem .75rem .3rem 0; vertical-align: top; }
@media (min-width: 40rem) { table { display: table; } }
`;
