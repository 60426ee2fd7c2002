// The broker contract on Kafka.
import { createKafkaBroker } from '../../src/brokers/kafka.ts';
import { brokerContract } from '../brokers/contract.ts';
import { freshName, kafkaBrokers, makeTopic } from '../support/kafka.ts';
import { kafkaBrokerOptions } from '../support/kafka-options.ts';
import { kafkaOutside } from '../support/kafka-outside.ts';
import { describeWith } from '../support/requirements.ts';

describeWith('kafka', 'Kafka', () => {
  brokerContract(
    async () => {
      const brokers = await kafkaBrokers();
      const broker = createKafkaBroker(kafkaBrokerOptions(brokers));
      return {
        broker,
        url: '',
        client: kafkaOutside,
        run: `${freshName('run')}-`,
        prepare: async (topics) => {
          for (const topic of topics) {
            const name = topic.replace(/\/\+$/, '');
            if (!/[+#/]/.test(name)) await makeTopic(name);
          }
        },
        close: async () => {},
      };
    },
    { qosZero: false },
  );
});
