// Les champs d’une connexion en français : titre et explication. En anglais ils viennent du pont lui-même.
import type { Catalogue } from './en.ts';

export const frFields: Pick<Catalogue, 'connector' | 'fields'> = {
  connector: 'Envoie les positions et les mesures d’appareils LoRaWAN à HERE Tracking.',
  fields: {
    email: { title: 'E-mail', info: 'L’adresse e-mail du compte HERE.' },
    password: {
      title: 'Mot de passe',
      info: 'Son mot de passe. Affiché comme ***** et conservé quand ceci est renvoyé.',
    },
    appId: { title: 'App ID', info: 'Le projet HERE Tracking. Vide : le premier projet du compte.' },
    description: { title: 'Description', info: 'Texte libre.' },
    createDevices: {
      title: 'Créer les appareils',
      info: 'Crée un appareil chez HERE à son premier uplink. Sinon, les uplinks d’appareils que HERE ne connaît pas sont ignorés, avec un événement.',
    },
    maxDevices: {
      title: 'Appareils au plus',
      info: 'Combien d’appareils le pont peut créer dans le projet : ils peuvent être facturés. Vide : sans limite. (Propre au pont.)',
    },
    sendMetadata: {
      title: 'Ancien format d’uplink',
      info: 'Retire la racine DevEUI_uplink et n’envoie que des uplinks : les traceurs localisés par le réseau perdent leurs positions.',
    },
    sendRawDecodedFormat: {
      title: 'Envoyer le format décodé brut',
      info: 'N’envoie que le contenu de payload quand il y en a un. Pas avec l’ancien format.',
    },
    uplinkTimeValidity: {
      title: 'Validité des uplinks',
      info: 'Les uplinks plus anciens ne sont pas envoyés : une somme de parties en d, h, m et s comme 5m, 72h ou 3d12h60m. Vide : sans limite.',
    },
    reconnectStrategy: {
      title: 'Stratégie de reconnexion',
      info: 'À quel rythme une connexion fermée est retentée. CALM : toutes les 10 min pendant 12 h, chaque heure pendant un jour, puis plus du tout. NORMAL : toutes les 5 min pendant 1 h, chaque heure pendant un jour, puis chaque jour. AGGRESSIVE : toutes les 3 min pendant 3 h, toutes les 30 min pendant une semaine, puis chaque heure, et un redémarrage si aucun uplink n’est venu depuis plus d’une heure.',
    },
    downlinkEnabled: { title: 'Downlinks', info: 'Publie les commandes de HERE vers les appareils.' },
    downlinkPort: { title: 'Port des downlinks', info: 'Le FPort d’un downlink qui n’en nomme pas.' },
    downlinkAsId: {
      title: 'AS ID des downlinks',
      info: 'Mis dans le downlink comme AS_ID, là où les downlinks doivent s’authentifier.',
    },
    downlinkAsKey: { title: 'Clé AS des downlinks', info: 'La clé qui va avec (AS_KEY).' },
    uplinkTopicPattern: {
      title: 'Topic des uplinks',
      info: 'D’où viennent les uplinks, avec des variables comme mqtt/things/{DevEUI}/uplink.',
    },
    downlinkTopicPattern: {
      title: 'Topic des downlinks',
      info: 'Où vont les downlinks, avec des variables. Sur Kafka, le nom d’un topic ; things.downlink à défaut.',
    },
    source: {
      title: 'Source',
      info: 'De quel broker et de quels topics viennent les uplinks, et de quels appareils il s’agit. (Propre au pont.)',
    },
    downlinkTemplate: {
      title: 'Modèle de downlink',
      info: 'Un downlink en JSON avec des variables comme {{/system/rate/sendMs}} : des pointeurs JSON dans le shadow souhaité. Voir docs/commands.md. (Propre au pont.)',
    },
    mapping: {
      title: 'Correspondances',
      info: 'Exceptions par fabricant, modèle, port ou topic : d’où un champ de l’enregistrement HERE est lu. Voir docs/mapping.md. (Propre au pont.)',
    },
    service: { title: 'Service HERE', info: 'Un nom sous here.services du worker. (Propre au pont.)' },
    realm: { title: 'Realm', info: 'Le realm de connexion, pour les projets de la plateforme HERE. (Propre au pont.)' },
  },
};
