// `here-bridge start`: runs the bridge until it is told to stop.
import { setFlagsFromString } from 'node:v8';
import type { Command } from 'commander';
import { BridgeError } from '../domain/errors.ts';
import { loadFrom, withConfigOptions } from './config-options.ts';
import { type CliIo, wantsColour } from './io.ts';

/**
 * V8 lets a heap grow to four times what lives in it before it collects; so it may grow by three fifths only. With a million uplinks
 * that wait, 284 MB instead of 318 while they drain, for a few percent of CPU time. Less memory than that is dear: with a third, every
 * third of a second of work was followed by a collection, and these took half of all CPU time.
 */
const COLLECT_SOONER = '--heap-growing-percent=60';
/** Both halves. */
const YOUNG_BYTES = 16 * 1024 * 1024;

export function registerStart(program: Command, io: CliIo): void {
  withConfigOptions(program.command('start'))
    .description('Run the bridge.')
    .addHelpText(
      'after',
      `
Examples:
  here-bridge start                                     an embedded broker on 127.0.0.1:1883, data in ./data
  here-bridge start --broker-url mqtts://broker.example --data-dir /var/lib/here-bridge
  here-bridge start --config site.json --log-level debug
  HERE_BRIDGE_BROKERS_MAIN_PASSWORD_FILE=/run/secrets/mqtt here-bridge start --config compose

SIGTERM or Ctrl-C: takes nothing more, settles what is in flight, ends within 10 s. A second one: ends at once.
Exit codes: 0 stopped, 1 stopping took longer than that, 130 or 143 told so twice (SIGINT, SIGTERM), 69 the broker of the config
topic refuses the bridge, or the data directory cannot be used, 75 another bridge holds the data directory or the config prefix,
78 the configuration is wrong.`,
    )
    .action(async (_options: unknown, command: Command) => {
      const signal = io.stopSignal();
      const { config } = await loadFrom(command, io);
      const { createLogger } = await import('../ops/logger.ts');
      const logger = await createLogger({ ...config.log, output: io.stdout, colour: wantsColour(io.stdout, io.env) });
      const { systemChance, systemClock } = await import('../ops/clock.ts');
      const { aborted } = await import('../ops/signals.ts');
      const { startBridge } = await import('../bridge.ts');
      const { ServedDemo } = await import('./demo/served-demo.ts');
      // Once all is loaded: V8 takes code that was compiled ahead only with the flags that it was compiled with.
      setFlagsFromString(COLLECT_SOONER);
      const { boundYoungGeneration } = await import('../ops/young-generation.ts');
      boundYoungGeneration(YOUNG_BYTES);
      const demo = await ServedDemo.prepare(config, systemClock);
      try {
        const parts = { logger, clock: systemClock, chance: systemChance, signal, demo };
        const bridge = await startBridge(demo.config, parts);
        void demo.serve(bridge);
        const ousted = await Promise.race([aborted(signal), bridge.ousted]);
        logger.info('Stopping: what is in flight is settled first. Told so once more, it ends at once');
        await demo.quiet();
        await bridge.stop();
        logger.info('Stopped');
        if (ousted) throw ousted;
      } catch (error) {
        // Told to stop while it was still waiting for a broker: that is no failure.
        if (!signal.aborted || error instanceof BridgeError) throw error;
      } finally {
        await demo.stop();
      }
    });
}
