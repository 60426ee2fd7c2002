// Preloaded into a bridge under chaos (`node --import …/shift-clock.ts?file=F`): shifts its wall clock by the ms in a file.
// Nothing else loads it: the bridge itself knows nothing of it. The monotonic clock and timers stay as they are.
import { readFileSync } from 'node:fs';

const LOOK_EVERY_MS = 50;

const file = new URL(import.meta.url).searchParams.get('file');
const RealDate = Date;
const realNow = Date.now.bind(Date);
let shiftMs = 0;

function look(): void {
  try {
    const value = Number(readFileSync(file ?? '', 'utf8'));
    if (Number.isFinite(value)) shiftMs = value;
  } catch {
    // No file: no shift.
  }
}

RealDate.now = () => realNow() + shiftMs;
globalThis.Date = new Proxy(RealDate, {
  construct: (target, args, newTarget) =>
    Reflect.construct(target, args.length === 0 ? [RealDate.now()] : args, newTarget),
  apply: () => new RealDate(RealDate.now()).toString(),
});

if (file !== null) {
  look();
  setInterval(look, LOOK_EVERY_MS).unref();
}
