// `here-bridge support-bundle`: what somebody who helps needs to know, in one file without secrets.
import { writeFile } from 'node:fs/promises';
import os from 'node:os';
import path from 'node:path';
import type { Command } from 'commander';
import { BridgeError, describeError, EXIT } from '../domain/errors.ts';
import { BUNDLE_ABOUT, BUNDLE_PARTS, hideEmails, metricLines } from '../domain/support-bundle.ts';
import { AdminClient } from './admin-client.ts';
import { loadFrom, withConfigOptions } from './config-options.ts';
import { type CliIo, printLine } from './io.ts';

export function registerSupportBundle(program: Command, io: CliIo): void {
  withConfigOptions(program.command('support-bundle'))
    .description('Write versions, configuration, states, ledgers, events and metrics to a file, without secrets.')
    .option('--out <file>', 'the file; by default here-bridge-support-<time>.json in this folder')
    .addHelpText(
      'after',
      `
Examples:
  here-bridge support-bundle
  here-bridge support-bundle --config site.json --out /tmp/bundle.json

Secrets are masked, and email addresses too; device ids, topics and names of connections stay. Of more than 100 connections
the first 100 are in it. It is readable text: look
through it before you pass it on. The log is not in it, since the bridge keeps none: add what your supervisor has.
Exit codes: 0 written, 69 no bridge answers (what can be known without one is written all the same).`,
    )
    .action(async (options: { readonly out?: string }, command: Command) => {
      const { config, values } = await loadFrom(command, io);
      const { describeConfig } = await import('../config/describe.ts');
      const { redactText } = await import('../ops/redact.ts');
      const { systemClock } = await import('../ops/clock.ts');
      const time = new Date(systemClock.now()).toISOString();
      const running = await askBridge(config.dataDir);
      if (running.error !== null) io.exitWith(EXIT.unavailable);
      const bundle = {
        about: BUNDLE_ABOUT,
        time,
        node: process.version,
        platform: `${os.platform()} ${os.release()} ${os.arch()}`,
        cpus: os.cpus().length,
        memoryBytes: os.totalmem(),
        configuration: describeConfig(values),
        bridge: running.error ?? running.parts,
      };
      const text = JSON.stringify(bundle, (_key, value: unknown) => safe(value, redactText), 2);
      const file = path.resolve(io.cwd, options.out ?? `here-bridge-support-${time.replaceAll(/[:.]/g, '-')}.json`);
      await writeFile(file, `${text}\n`, { mode: 0o600, flag: 'wx' }).catch((error: unknown) => {
        throw new BridgeError('cannotWrite', `${file} cannot be written: ${describeError(error)}`, {
          exitCode: EXIT.noInput,
        });
      });
      printLine(io, file);
    });
}

async function askBridge(
  dataDir: string,
): Promise<{ readonly error: string | null; readonly parts: Readonly<Record<string, unknown>> }> {
  const parts: Record<string, unknown> = {};
  try {
    const client = await AdminClient.find(dataDir);
    for (const [name, route] of Object.entries(BUNDLE_PARTS)) {
      parts[name] =
        name === 'metrics' ? metricLines(await client.text(route)) : (await client.request('GET', route)).body;
    }
  } catch (error) {
    return { error: describeError(error), parts };
  }
  return { error: null, parts };
}

function safe(value: unknown, redactText: (text: string) => string): unknown {
  return typeof value === 'string' ? hideEmails(redactText(value)) : value;
}
