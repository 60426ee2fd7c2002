// The topics of a connection are changed, and the broker stands still right after: what the old session holds comes all the same.
import { expect, onTestFinished, test } from 'vitest';
import { broker, mosquitto, numbered } from '../brokers/mosquitto-setup.ts';
import { outside, until } from '../brokers/outside.ts';
import { movedSessions } from '../support/moved-sessions.ts';
import { describeWith } from '../support/requirements.ts';

/** Long enough for DISCONNECT to be given up, shorter than the end of a session waits for the broker. */
const FROZEN_MS = 6_000;

describeWith('mosquitto', 'a move on Mosquitto', () => {
  for (const protocolVersion of [4, 5] as const) {
    test(`loses nothing of the old session when the broker is stalled (MQTT ${protocolVersion})`, async () => {
      const server = await mosquitto({ settings: ['max_inflight_messages 20'] });
      // Of MQTT 5 it is the client's window that counts.
      const main = broker(server.url, { protocolVersion, receiveMaximum: 20 });
      const { sessions, heard, source, generations } = movedSessions({ main });
      onTestFinished(async () => {
        heard.settle();
        await sessions.stop();
      });
      sessions.start(source('main', 'former/#'));
      await heard.up();
      heard.holding = true;
      const sender = await outside(server.url);
      await Promise.all(numbered(100).map((text) => sender.publishAsync('former/a', text, { qos: 1 })));
      await until('a window has come', () => heard.messages.length === 20);
      sessions.move(source('main', 'new/#'));
      await until('the new one is up', () => heard.statuses.filter(({ kind }) => kind === 'up').length === 2);
      await sender.publishAsync('new/a', 'new', { qos: 1 });
      await until('it is read from', () => heard.texts.includes('new'));
      await sender.endAsync();

      server.freeze();
      onTestFinished(() => server.thaw());
      heard.holding = false;
      heard.settle();
      await new Promise((resolve) => setTimeout(resolve, FROZEN_MS));
      server.thaw();
      await until('the old session is ended', () => generations().length === 1, 20_000);
      expect(heard.texts.filter((text) => text !== 'new')).toEqual(numbered(100));
    });
  }
});
