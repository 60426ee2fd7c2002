// Loaded before a bridge of the benchmark: SIGUSR2 lets its uplinks leave no trail, the next one lets them leave one again.
// Nothing of this is an option of the bridge.
import { Trail } from '../../../src/uplink/trail.ts';

let isLeftOut = false;
const { settled } = Trail.prototype;

Trail.prototype.settled = function (this: Trail, ...given: Parameters<Trail['settled']>): void {
  if (!isLeftOut) settled.apply(this, given);
};

process.on('SIGUSR2', () => {
  isLeftOut = !isLeftOut;
});
