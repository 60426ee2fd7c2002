// A worker whose clock can be moved on: a line `jump MS` on its input, answered with one on its output. Run as `main.ts` is:
// `start --config FILE`.
import readline from 'node:readline';
import { startBridge } from '../../src/bridge.ts';
import { loadConfig } from '../../src/config/load.ts';
import { systemChance } from '../../src/ops/clock.ts';
import { createLogger } from '../../src/ops/logger.ts';
import { JumpClock } from '../support/jump-clock.ts';

const file = process.argv.at(-1);
if (file === undefined) throw new Error('a configuration is needed');
const { config } = loadConfig({ files: [file], env: process.env, cwd: process.cwd() });
const clock = new JumpClock();
const logger = await createLogger({ ...config.log, output: process.stderr, colour: false });
const bridge = await startBridge(config, { logger, clock, chance: systemChance });

readline.createInterface({ input: process.stdin }).on('line', (line) => {
  const ms = Number(/^jump (\d+)$/.exec(line)?.[1]);
  if (!Number.isFinite(ms)) throw new Error(`not understood: ${line}`);
  clock.jump(ms);
  process.stdout.write('jumped\n');
});
process.once('SIGTERM', () => {
  void bridge.stop().then(() => process.exit(0));
});
