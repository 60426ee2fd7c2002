// Die Felder einer Verbindung auf Deutsch: Titel und Hinweis. Auf Englisch kommen sie von der Bridge selbst.
import type { Catalogue } from './en.ts';

export const deFields: Pick<Catalogue, 'connector' | 'fields'> = {
  connector: 'Sendet Positionen und Messwerte von LoRaWAN-Geräten an HERE Tracking.',
  fields: {
    email: { title: 'E-Mail', info: 'Die E-Mail-Adresse des HERE-Kontos.' },
    password: {
      title: 'Passwort',
      info: 'Das zugehörige Passwort. Wird als ***** angezeigt und bleibt, wenn dies zurückgesendet wird.',
    },
    appId: { title: 'App-ID', info: 'Das Projekt von HERE Tracking. Leer: das erste Projekt des Kontos.' },
    description: { title: 'Beschreibung', info: 'Freier Text.' },
    createDevices: {
      title: 'Geräte anlegen',
      info: 'Legt ein Gerät bei HERE mit seinem ersten Uplink an. Ausgeschaltet werden Uplinks von Geräten, die HERE nicht kennt, mit einem Ereignis übergangen.',
    },
    maxDevices: {
      title: 'Höchstzahl Geräte',
      info: 'Wie viele Geräte die Bridge im Projekt anlegen darf: Angelegte Geräte können berechnet werden. Leer: keine Grenze. (Eigenes der Bridge.)',
    },
    sendMetadata: {
      title: 'Altes Uplink-Format',
      info: 'Entfernt die Wurzel DevEUI_uplink und sendet nur Uplinks: Tracker, die das Netz ortet, verlieren ihre Positionen.',
    },
    sendRawDecodedFormat: {
      title: 'Dekodierte Rohdaten senden',
      info: 'Sendet nur den Inhalt von payload, wo es einen gibt. Nicht zusammen mit dem alten Format.',
    },
    uplinkTimeValidity: {
      title: 'Gültigkeit der Uplinks',
      info: 'Ältere Uplinks werden nicht gesendet: eine Summe aus Teilen in d, h, m und s wie 5m, 72h oder 3d12h60m. Leer: keine Grenze.',
    },
    reconnectStrategy: {
      title: 'Wiederverbindung',
      info: 'Wie oft eine geschlossene Verbindung neu versucht wird. CALM: 12 h lang alle 10 min, einen Tag lang stündlich, dann nicht mehr. NORMAL: 1 h lang alle 5 min, einen Tag lang stündlich, dann täglich. AGGRESSIVE: 3 h lang alle 3 min, eine Woche lang alle 30 min, dann stündlich, und ein Neustart, wenn über eine Stunde kein Uplink kam.',
    },
    downlinkEnabled: { title: 'Downlinks', info: 'Veröffentlicht die Befehle von HERE an die Geräte.' },
    downlinkPort: { title: 'Downlink-Port', info: 'Der FPort eines Downlinks, der keinen nennt.' },
    downlinkAsId: {
      title: 'Downlink-AS-ID',
      info: 'Kommt als AS_ID in den Downlink, wo Downlinks sich ausweisen müssen.',
    },
    downlinkAsKey: { title: 'Downlink-AS-Schlüssel', info: 'Der Schlüssel dazu (AS_KEY).' },
    uplinkTopicPattern: {
      title: 'Topic der Uplinks',
      info: 'Woher Uplinks kommen, mit Platzhaltern wie mqtt/things/{DevEUI}/uplink.',
    },
    downlinkTopicPattern: {
      title: 'Topic der Downlinks',
      info: 'Wohin Downlinks gehen, mit Platzhaltern. Auf Kafka der Name eines Topics; ohne Angabe things.downlink.',
    },
    source: {
      title: 'Quelle',
      info: 'Von welchem Broker und welchen Topics die Uplinks kommen und welche Geräte gemeint sind. (Eigenes der Bridge.)',
    },
    downlinkTemplate: {
      title: 'Downlink-Vorlage',
      info: 'Ein Downlink als JSON mit Platzhaltern wie {{/system/rate/sendMs}}: JSON-Pointer in den Desired Shadow. Siehe docs/commands.md. (Eigenes der Bridge.)',
    },
    mapping: {
      title: 'Abbildung',
      info: 'Ausnahmen für Hersteller, Modelle, Ports oder Topics: woher ein Feld des HERE-Datensatzes gelesen wird. Siehe docs/mapping.md. (Eigenes der Bridge.)',
    },
    service: { title: 'HERE-Dienst', info: 'Ein Name unter here.services des Workers. (Eigenes der Bridge.)' },
    realm: {
      title: 'Realm',
      info: 'Der Realm der Anmeldung, für Projekte der HERE-Plattform. (Eigenes der Bridge.)',
    },
  },
};
