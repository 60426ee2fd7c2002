// Where a tracker is: a walk along made-up streets around a city's centre, with junctions, speeds and stops.
import type { Dice } from './seeded-chance.ts';

export interface City {
  readonly name: string;
  readonly lat: number;
  readonly lng: number;
  /** Minutes east of UTC, standard time: ThingPark writes times with the network's offset. */
  readonly offsetMinutes: number;
}

export const CITIES: readonly City[] = [
  { name: 'Lyon', lat: 45.7578, lng: 4.832, offsetMinutes: 60 },
  { name: 'Rotterdam', lat: 51.9225, lng: 4.4792, offsetMinutes: 60 },
  { name: 'Gdansk', lat: 54.352, lng: 18.6466, offsetMinutes: 60 },
  { name: 'Porto', lat: 41.1579, lng: -8.6291, offsetMinutes: 0 },
  { name: 'Pune', lat: 18.5204, lng: 73.8567, offsetMinutes: 330 },
  { name: 'Austin', lat: 30.2672, lng: -97.7431, offsetMinutes: -360 },
  { name: 'Curitiba', lat: -25.4284, lng: -49.2733, offsetMinutes: -180 },
];

/** How something moves. */
export interface Gait {
  readonly slowestMps: number;
  readonly fastestMps: number;
  /** Metres between junctions. */
  readonly blockM: number;
  /** It turns back towards the centre beyond this distance. */
  readonly reachM: number;
  /** Probability of a stop at a junction, and how long one lasts. */
  readonly stopProbability: number;
  readonly stopSeconds: number;
}

export const GAITS = {
  truck: { slowestMps: 6, fastestMps: 24, blockM: 450, reachM: 18_000, stopProbability: 0.12, stopSeconds: 420 },
  van: { slowestMps: 3, fastestMps: 14, blockM: 180, reachM: 7_000, stopProbability: 0.2, stopSeconds: 180 },
  person: { slowestMps: 0.7, fastestMps: 1.8, blockM: 70, reachM: 1_500, stopProbability: 0.3, stopSeconds: 240 },
} as const satisfies Record<string, Gait>;

const METRES_PER_DEGREE = 111_320;
/** A longer silence is walked as this much time, so that one frame never costs a long loop. */
const LONGEST_STEP_SECONDS = 900;
const MOST_LEGS_A_STEP = 40;

export class Track {
  readonly city: City;
  /** Degrees clockwise from north. */
  heading: number;
  /** m/s; 0 while it stands. */
  speed = 0;
  private readonly gait: Gait;
  private readonly dice: Dice;
  private readonly metresPerDegreeEast: number;
  private east: number;
  private north: number;
  private legLeftM = 0;
  private stopLeftS: number;

  constructor(city: City, gait: Gait, dice: Dice) {
    this.city = city;
    this.gait = gait;
    this.dice = dice;
    this.metresPerDegreeEast = METRES_PER_DEGREE * Math.cos((city.lat * Math.PI) / 180);
    this.east = dice.bell() * gait.reachM * 0.3;
    this.north = dice.bell() * gait.reachM * 0.3;
    this.heading = dice.whole(0, 359);
    this.stopLeftS = dice.chance(0.4) ? dice.between(0, gait.stopSeconds) : 0;
  }

  get lat(): number {
    return this.city.lat + this.north / METRES_PER_DEGREE;
  }

  get lng(): number {
    return this.city.lng + this.east / this.metresPerDegreeEast;
  }

  get moving(): boolean {
    return this.speed > 0;
  }

  advance(seconds: number): void {
    let left = Math.min(Math.max(seconds, 0), LONGEST_STEP_SECONDS);
    for (let leg = 0; leg < MOST_LEGS_A_STEP && left > 0; leg++) {
      if (this.stopLeftS > 0) {
        const rest = Math.min(left, this.stopLeftS);
        this.stopLeftS -= rest;
        left -= rest;
        this.speed = 0;
        continue;
      }
      if (this.legLeftM <= 0) this.turn();
      if (this.speed === 0) this.speed = this.dice.between(this.gait.slowestMps, this.gait.fastestMps);
      const metres = Math.min(left * this.speed, this.legLeftM);
      const angle = (this.heading * Math.PI) / 180;
      this.east += Math.sin(angle) * metres;
      this.north += Math.cos(angle) * metres;
      this.legLeftM -= metres;
      left -= metres / this.speed;
      if (this.legLeftM <= 0.01) this.arrive();
    }
  }

  private arrive(): void {
    this.legLeftM = 0;
    if (!this.dice.chance(this.gait.stopProbability)) return;
    this.stopLeftS = this.dice.between(0.1, 1) * this.gait.stopSeconds;
  }

  /** A junction: mostly straight on with a slight bend, else left or right; far out, the way that leads back. */
  private turn(): void {
    this.legLeftM = this.gait.blockM * this.dice.between(0.4, 1.8);
    this.speed = this.dice.between(this.gait.slowestMps, this.gait.fastestMps);
    if (Math.hypot(this.east, this.north) > this.gait.reachM) {
      const home = (Math.atan2(-this.east, -this.north) * 180) / Math.PI;
      this.heading = (home + this.dice.between(-35, 35) + 720) % 360;
      return;
    }
    const bend = this.dice.bell() * 4;
    const corner = this.dice.chance(0.35) ? this.dice.pick([-90, 90]) : 0;
    this.heading = (this.heading + bend + corner + 720) % 360;
  }
}
