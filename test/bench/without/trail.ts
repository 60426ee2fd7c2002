// Loaded before a bridge of the benchmark: its uplinks leave no trail. Nothing of this is an option of the bridge.
import { Trail } from '../../../src/uplink/trail.ts';

Trail.prototype.settled = () => {};
