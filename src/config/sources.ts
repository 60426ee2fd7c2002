// The places that values come from, weakest first: config/default.json, named files, environment variables, flags.
import { readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { nearest } from '../domain/nearest.ts';
import { type Collector, readText } from './collect.ts';
import { asJson } from './value-kinds.ts';
import { envName, MAP_KEYS } from './value-spec.ts';

const PACKAGED = path.resolve(import.meta.dirname, '../../config');
const MAX_FILE_BYTES = 1024 * 1024;
const PREFIX = 'HERE_BRIDGE_';

/** Names files; it is no value of the configuration itself. */
export const CONFIG_VARIABLE = 'HERE_BRIDGE_CONFIG';

/** A value given by a flag: its full key and its text. */
export interface FlagValue {
  readonly key: string;
  readonly text: string;
  /** As written, for example `--http-port`. */
  readonly flag: string;
}

export type Environment = Readonly<Record<string, string | undefined>>;

export function readDefaults(into: Collector): void {
  readFile(into, path.join(PACKAGED, 'default.json'), 'config/default.json');
}

/** Names are looked up as they are, then in ./config, then in the bridge's own config folder; `.json` may be left out. */
export function readNamedFile(into: Collector, name: string, cwd: string, origin: string): void {
  const folders = path.isAbsolute(name) ? [cwd] : [cwd, path.join(cwd, 'config'), PACKAGED];
  const candidates = folders.flatMap((folder) => [path.resolve(folder, name), path.resolve(folder, `${name}.json`)]);
  const found = candidates.find((file) => statSync(file, { throwIfNoEntry: false })?.isFile() === true);
  if (found === undefined) {
    into.problem(origin, 'no such file, neither here nor in ./config', null, JSON.stringify(name.slice(0, 200)));
    return;
  }
  readFile(into, found, shortPath(found, cwd));
}

function shortPath(file: string, cwd: string): string {
  if (path.dirname(file) === PACKAGED) return `config/${path.basename(file)}`;
  const relative = path.relative(cwd, file);
  return relative.startsWith('..') ? file : relative;
}

function readFile(into: Collector, file: string, origin: string): void {
  into.nextLayer();
  const text = readBounded(into, file, origin);
  if (text === null) return;
  let tree: unknown;
  try {
    tree = JSON.parse(text);
  } catch (error) {
    into.problem(origin, `is not JSON${placeOfFault(text, error)}`);
    return;
  }
  into.assignTree(tree, origin);
}

/** The parser's message quotes the text around the fault, which may be a password: only the line is told, where it is known. */
export function placeOfFault(text: string, error: unknown): string {
  const position = /at position (\d+)/.exec((error as Error).message)?.[1];
  return position === undefined ? '' : `, see line ${text.slice(0, Number(position)).split('\n').length}`;
}

function readBounded(into: Collector, file: string, key: string): string | null {
  try {
    if (statSync(file).size > MAX_FILE_BYTES) into.problem(key, `the file is larger than ${MAX_FILE_BYTES} bytes`);
    else return readFileSync(file, 'utf8').replace(/^\uFEFF/, '');
  } catch (error) {
    into.problem(key, `the file cannot be read (${(error as NodeJS.ErrnoException).code ?? 'error'})`);
  }
  return null;
}

/** An empty variable counts as not set: that is what compose files make of `${NAME:-}`. */
export function readEnvironment(into: Collector, env: Environment): void {
  into.nextLayer();
  const known = new Set([CONFIG_VARIABLE]);
  for (const map of MAP_KEYS) {
    const name = envName(map);
    known.add(name);
    const text = env[name];
    if (text) into.assignTree(asJson(text), name, map);
  }
  into.nextLayer();
  for (const spec of into.specs()) {
    known.add(spec.env);
    const name = [spec.env, ...spec.otherEnv].find((candidate) => env[candidate]);
    if (name !== undefined) into.assign(spec, readText(spec, env[name]!), name);
  }
  for (const [name, text] of Object.entries(env)) {
    if (!name.startsWith(PREFIX) || known.has(name) || !text || isServiceLink(name, text)) continue;
    const hint = nearest(name, known);
    into.problem(name, `unknown variable${hint === null ? '' : `; did you mean ${hint}?`}`);
  }
}

/** Kubernetes and Docker make such variables by themselves for a service or container called "here-bridge". */
function isServiceLink(name: string, text: string): boolean {
  return (
    /^HERE_BRIDGE_SERVICE_(HOST|PORT)/.test(name) ||
    (/^HERE_BRIDGE_PORT/.test(name) && /^(tcp|udp|sctp):/.test(text)) ||
    /^HERE_BRIDGE_PORT_\d+_(TCP|UDP|SCTP)_/.test(name)
  );
}

export function readFlags(into: Collector, values: readonly FlagValue[]): void {
  into.nextLayer();
  for (const { key, text, flag } of values) into.assignText(key, text, flag);
}

/** Replaces each value that is given as a file by the file's content; the stronger of value and file counts. */
export function readContentFiles(into: Collector, cwd: string): void {
  for (const given of [...into.assigned.values()]) {
    const { spec, value, origin, layer } = given;
    if (spec.contentOf === null) continue;
    into.assigned.delete(spec.key);
    const direct = into.assigned.get(spec.contentOf);
    if (value === null || (direct !== undefined && direct.layer > layer)) continue;
    if (direct !== undefined && direct.layer === layer) {
      into.problem(spec.key, `give either this or ${spec.contentOf}, not both`, origin);
      continue;
    }
    const target = into.specs().find((candidate) => candidate.key === spec.contentOf)!;
    if (!spec.check(value)) {
      into.problem(spec.key, `allowed: ${spec.allowed}`, origin, JSON.stringify(value)?.slice(0, 200) ?? null);
      continue;
    }
    const content = readBounded(
      into,
      path.resolve(cwd, value as string),
      `${spec.key} = ${JSON.stringify(value)} (from ${origin})`,
    );
    if (content === null) continue;
    const text = content.replace(/\r?\n$/, '');
    into.assign(target, readText(target, text), `file ${value as string}, named by ${origin}`, layer);
  }
}
