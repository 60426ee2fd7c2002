// What a suite needs beyond Node: looked for here, so that a run tells which suites it left out and why.
// With REQUIRE_ALL=1 (as in CI) a missing program fails the suite instead of skipping it; so does a missing file that its
// variable names. Files from outside the project that nothing names may be absent: their suites are told as left out.
import { spawnSync } from 'node:child_process';
import { accessSync, existsSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, test } from 'vitest';
import { wayToHelm } from './helm.ts';
import { KAFKA_START_MS, kafkaBrokers, wayToKafka } from './kafka.ts';
import { hasJava } from './kafka-jars.ts';

const root = path.resolve(import.meta.dirname, '../..');

export type Requirement =
  | 'mosquitto'
  | 'openapi'
  | 'corpus'
  | 'chromium'
  | 'java'
  | 'kafka'
  | 'kafkaJars'
  | 'kcat'
  | 'helm'
  | 'systemd';

interface Finding {
  readonly found: string | null;
  /** Shown beside the name of a suite that was left out. */
  readonly need: string;
  /** A file from outside the project that no variable names: may be absent even with REQUIRE_ALL=1. */
  readonly mayBeAbsent?: boolean;
}

function program(name: string, extraDirs: readonly string[] = []): string | null {
  const dirs = [...(process.env.PATH ?? '').split(path.delimiter), ...extraDirs];
  for (const dir of dirs) {
    const file = path.join(dir, name);
    try {
      accessSync(file);
      return file;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    }
  }
  return null;
}

function file(variable: string, fallback: string): string | null {
  const wanted = process.env[variable];
  if (wanted) return existsSync(wanted) ? wanted : null;
  const standard = path.resolve(root, fallback);
  return existsSync(standard) ? standard : null;
}

export function find(requirement: Requirement): Finding {
  switch (requirement) {
    case 'mosquitto':
      return {
        found: program('mosquitto', ['/usr/sbin', '/usr/local/sbin', '/opt/homebrew/sbin']),
        need: 'Mosquitto (apt-get install mosquitto)',
      };
    case 'openapi':
      return {
        found: file('HERE_OPENAPI', '../shared/reference/here-tracking-openapi.json'),
        need: "HERE's OpenAPI document (HERE_OPENAPI=file)",
        mayBeAbsent: !process.env.HERE_OPENAPI,
      };
    case 'corpus':
      return {
        found: file('CORPUS_DIR', '../shared/corpus'),
        need: 'the corpus of published messages (CORPUS_DIR=folder)',
        mayBeAbsent: !process.env.CORPUS_DIR,
      };
    case 'chromium':
      return { found: program('chromium'), need: 'Chromium (apt-get install chromium)' };
    case 'kafka':
      return {
        found: wayToKafka(),
        need: 'Kafka (KAFKA_BROKERS=host:port, or a container engine, or Java 17 and Maven)',
      };
    case 'kafkaJars':
      return { found: hasJava() ? 'java' : null, need: 'Java 17 and Maven, for a Kafka of its own' };
    case 'kcat':
      return { found: program('kcat'), need: 'kcat (apt-get install kcat)' };
    case 'helm':
      return {
        found: wayToHelm(program),
        need: 'Go or Helm 3, and pip',
        mayBeAbsent: true,
      };
    case 'systemd':
      return { found: program('systemd-analyze'), need: 'systemd-analyze', mayBeAbsent: true };
    case 'java':
      return { found: spawnSync('java', ['-version']).status === 0 ? program('java') : null, need: 'Java 17 or newer' };
  }
}

/** Like `describe`, for a suite that needs something: `body` gets where it was found. */
export function describeWith(requirement: Requirement, name: string, body: (found: string) => void): void {
  const { found, need, mayBeAbsent = false } = find(requirement);
  if (found !== null) {
    describe(name, () => {
      // The first suite of a run that needs it starts it: that is no part of a test's time.
      if (requirement === 'kafka') beforeAll(async () => void (await kafkaBrokers()), KAFKA_START_MS);
      body(found);
    });
  } else if (process.env.REQUIRE_ALL === '1' && !mayBeAbsent) {
    describe(name, () => {
      test(`needs ${need}`, () => {
        throw new Error(`This suite must run (REQUIRE_ALL=1) and needs ${need}`);
      });
    });
  } else describe.skip(`${name} [${mayBeAbsent ? 'without' : 'needs'} ${need}]`, () => body(''));
}

/** Where a program is that `find` has found; throws otherwise. */
export function findProgram(requirement: Extract<Requirement, 'mosquitto' | 'chromium' | 'java' | 'kcat'>): string {
  const { found, need } = find(requirement);
  if (found === null) throw new Error(`This needs ${need}`);
  return found;
}
