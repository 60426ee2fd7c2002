// The values of commands.
import * as kinds from './value-kinds.ts';
import { type ValueSpec, value } from './value-spec.ts';

const DAY_MS = 86_400_000;

export const DOWNLINK_VALUES: readonly ValueSpec[] = [
  ...value(
    'downlinks.pollMinMs',
    kinds.wholeNumber(500, 3_600_000),
    5000,
    'How often HERE is asked for commands after there was one; per project and account.',
  ),
  ...value(
    'downlinks.pollMaxMs',
    kinds.wholeNumber(500, 3_600_000),
    60_000,
    'How often when nothing changes; the interval grows from one to the other.',
  ),
  ...value(
    'downlinks.commandMaxAgeMs',
    kinds.wholeNumber(60_000, 30 * DAY_MS),
    DAY_MS,
    'An older command is not sent any more, and a report is not waited for any longer.',
  ),
  ...value(
    'downlinks.kafkaTopic',
    kinds.kafkaTopic,
    'things.downlink',
    'On Kafka: the topic of the downlinks of a connection that names none. The key of a record is the DevEUI.',
  ),
];
