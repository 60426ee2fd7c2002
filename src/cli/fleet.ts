// `here-bridge fleet`: a simulated fleet of trackers that publishes ThingPark uplinks to a broker.
import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Command } from 'commander';
import { BridgeError, EXIT } from '../domain/errors.ts';
import { amount, collect, duration, wholeNumber } from './arguments.ts';
import { type CliIo, printJson, printLine } from './io.ts';

interface Options {
  readonly brokerUrl: string;
  readonly username?: string;
  readonly password?: string;
  readonly caFile?: string;
  readonly devices: number;
  readonly rate: number;
  readonly for?: number;
  readonly total?: number;
  readonly seed: number;
  readonly tag?: readonly string[];
  readonly topicPattern?: string;
  readonly payloadBytes?: number;
  readonly json?: boolean;
}

const MQTT_URL = 'mqtt://127.0.0.1:1883';
const KNOWN_URL = /^(mqtts?|wss?):\/\/[^/]|^kafka:/;
const KAFKA_URL = /^kafka:\/\/[^/@]+\/[A-Za-z0-9._-]{1,249}$/;

const EXAMPLES = `
Examples:
  here-bridge fleet --devices 100 --rate 20
  here-bridge fleet --broker-url mqtts://broker.example --username fleet --ca-file ca.pem --for 5m
  here-bridge fleet --broker-url kafka://127.0.0.1:9092/uplinks
  here-bridge fleet --total 100 --json

The password may also be in the variable MQTT_PASSWORD.
Exit codes: 0 all were acknowledged, 1 some were not, 69 the broker cannot be reached or refuses the log-in.`;

export function registerFleet(program: Command, io: CliIo): void {
  program
    .command('fleet')
    .description('Publish the uplinks of a simulated fleet of trackers to an MQTT broker, or to a topic of Kafka.')
    .option('--broker-url <url>', 'mqtt://, mqtts://, ws:// or wss://; or kafka://host:port/topic', MQTT_URL)
    .option('--username <name>', 'for the broker')
    .option('--password <password>', 'for the broker')
    .option('--ca-file <file>', 'certificates to trust (PEM)')
    .option('--devices <count>', 'how many trackers', wholeNumber(1, 10_000_000), 100)
    .option('--rate <number>', 'uplinks a second, all trackers together', amount(0.001, 1_000_000), 10)
    .option('--for <duration>', 'end after this time, for example 30s', duration)
    .option('--total <count>', 'end after so many uplinks', wholeNumber(1, 1_000_000_000))
    .option('--seed <number>', 'the same seed makes the same fleet', wholeNumber(0, 2 ** 32 - 1), 1)
    .option('--tag <tag>', 'a tag of all trackers; may be repeated', collect)
    .option('--topic-pattern <pattern>', 'with {DevEUI}')
    .option('--payload-bytes <bytes>', 'plain uplinks of exactly this size', wholeNumber(200, 250_000))
    .option('--json', 'print the result as one line of JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (options: Options) => {
      const { startFleetPublisher } = await import('../sandbox/fleet/publisher.ts');
      const { FleetError } = await import('../sandbox/fleet/publishing.ts');
      const { isKafkaUrl, startKafkaFleet } = await import('../sandbox/fleet/kafka-publisher.ts');
      const { fleetKafka } = await import('../bridge/fleet-kafka.ts');
      const { systemClock } = await import('../ops/clock.ts');
      if (!KNOWN_URL.test(options.brokerUrl) || !URL.canParse(options.brokerUrl)) {
        const what = 'wants mqtt://, mqtts://, ws:// or wss:// and an address, or kafka://host:port/topic';
        throw new BridgeError('usage', `--broker-url: ${what}`, { exitCode: EXIT.usage });
      }
      const connectTo = (address: string) => fleetKafka(address, systemClock);
      const password = options.password ?? io.env.MQTT_PASSWORD;
      const common = {
        brokerUrl: options.brokerUrl,
        devices: options.devices,
        ratePerSecond: options.rate,
        seed: options.seed,
        clock: systemClock,
        onStatus: ({ up, reason }: { readonly up: boolean; readonly reason?: string }) => {
          io.stderr.write(
            `${up ? 'Connected again' : `Connection lost${reason === undefined ? '' : `: ${reason}`}`}\n`,
          );
        },
        ...(options.for === undefined ? {} : { forMs: options.for }),
        ...(options.total === undefined ? {} : { total: options.total }),
        ...(options.tag === undefined ? {} : { tags: options.tag }),
      };
      const publisher = isKafkaUrl(options.brokerUrl)
        ? startKafkaFleet({ ...refuseMqttOptions(options, common), connectTo })
        : startFleetPublisher({
            ...common,
            ...(options.username === undefined ? {} : { username: options.username }),
            ...(password === undefined ? {} : { password }),
            ...(options.caFile === undefined ? {} : { ca: await readCa(io, options.caFile) }),
            ...(options.topicPattern === undefined ? {} : { topicPattern: options.topicPattern }),
            ...(options.payloadBytes === undefined ? {} : { payloadBytes: options.payloadBytes }),
          });
      io.stopSignal().addEventListener('abort', () => publisher.stop());
      try {
        const result = await publisher.done;
        if (result.acknowledged < result.published) io.exitWith(EXIT.failed);
        if (options.json === true) printJson(io, result);
        else printLine(io, `${result.acknowledged} of ${result.published} uplinks acknowledged`);
      } catch (error) {
        if (!(error instanceof FleetError)) throw error;
        throw new BridgeError(error.code, error.message, { exitCode: EXIT.unavailable, cause: error });
      }
    });
}

/** What stands for itself on MQTT must not be left out without a word. */
function refuseMqttOptions<T>(options: Options, common: T): T {
  const given = (['username', 'password', 'caFile', 'topicPattern', 'payloadBytes'] as const).filter(
    (name) => options[name] !== undefined,
  );
  if (!KAFKA_URL.test(options.brokerUrl) || given.length > 0) {
    const what = given.length > 0 ? `${given.join(', ')}: for MQTT alone` : 'wants kafka://host:port/topic';
    throw new BridgeError('usage', `--broker-url ${options.brokerUrl}: ${what}`, { exitCode: EXIT.usage });
  }
  return common;
}

async function readCa(io: CliIo, file: string): Promise<string> {
  try {
    return await readFile(path.resolve(io.cwd, file), 'utf8');
  } catch (error) {
    throw new BridgeError('noInput', `--ca-file ${file}: cannot be read`, { exitCode: EXIT.noInput, cause: error });
  }
}
