// Reading the segment files of a connection at start: scan, cut off a torn tail, keep damaged bytes for a person to look at.
import path from 'node:path';
import { BridgeError, EXIT } from '../domain/errors.ts';
import type { StoredConnection } from './connection-tables.ts';
import type { Disk, DiskFile } from './disk.ts';
import type { ReportIncident } from './incidents.ts';
import type { Ranges } from './ranges.ts';
import {
  isKnownVersion,
  ownerOf,
  parseSegmentName,
  readSegmentHeader,
  SEGMENT_HEADER_BYTES,
  type SegmentHeader,
  type SegmentName,
} from './record-format.ts';
import { type Damage, findBadBody, type ScanResult, ScanWindow, scanSegment } from './scan.ts';
import type { Segment } from './segment.ts';
import type { Stray } from './strays.ts';

export interface ReadOptions {
  readonly id: string;
  readonly disk: Disk;
  readonly directory: string;
  readonly report: ReportIncident;
  /** What is settled and has no file; one that is there still is to be removed: a kill came between. */
  readonly ranges: Ranges;
  readonly stored: StoredConnection;
  /** By base: what the database has of files that are not gone. */
  readonly bitmaps: ReadonlyMap<number, Uint8Array>;
}

export interface FilesRead {
  /** In order, closed. */
  readonly segments: Segment[];
  /** Names of files that hold nothing any more. */
  readonly obsolete: readonly string[];
  /** Names of those that hold nothing if the database's numbers are right. */
  readonly gone: readonly string[];
  readonly strays: readonly Stray[];
}

interface SegmentFile extends SegmentName {
  readonly bytes: number;
}

export async function readSegments(options: ReadOptions): Promise<FilesRead> {
  const { id, disk, directory, ranges, bitmaps } = options;
  const files: SegmentFile[] = [];
  const obsolete: string[] = [];
  for (const { name, bytes } of await disk.list(directory)) {
    const parsed = parseSegmentName(name);
    if (parsed && bytes > SEGMENT_HEADER_BYTES) files.push({ ...parsed, bytes });
    else if (parsed || name.endsWith('.tmp')) obsolete.push(name);
  }
  files.sort((a, b) => a.base - b.base || a.bytes - b.bytes);

  const segments: Segment[] = [];
  const gone: string[] = [];
  const strays: Stray[] = [];
  const window = new ScanWindow();
  // From the last to the first: where one begins is where the records of the one before end at the latest.
  let endSeq = Number.POSITIVE_INFINITY;
  let isLast = true;
  for (const file of files.reverse()) {
    const { name, base, bytes } = file;
    const handle = await disk.open(path.join(directory, name));
    try {
      const header = await readHeader(handle, file);
      if (header.owner !== 0 && header.owner !== ownerOf(id)) {
        strays.push({ name, why: 'foreign' });
      } else if (ranges.isGone(base)) {
        // The transaction that makes a file gone removes its bitmap.
        if (bitmaps.has(base)) strays.push({ name, why: 'gone' });
        else gone.push(name);
      } else if (base >= endSeq && (await holdsRecords(handle, window, header, bytes))) {
        strays.push({ name, why: 'twin' });
      } else {
        const nextGone = ranges.gone.find((range) => range.base > base)?.base ?? Number.POSITIVE_INFINITY;
        const segment = await readOne(options, window, handle, file, header, Math.min(endSeq, nextGone), isLast);
        if (segment.count > 0) segments.unshift(segment);
        else obsolete.push(name);
        endSeq = segment.base - segment.leftOutBefore;
        isLast = false;
      }
    } finally {
      await handle.close();
    }
  }
  return { segments, obsolete, gone, strays };
}

type Header = Omit<SegmentHeader, 'version'>;

/** Whatever numbers they have. */
async function holdsRecords(handle: DiskFile, window: ScanWindow, header: Header, fileBytes: number): Promise<boolean> {
  const { segment } = await scanSegment(handle, window, { header, fileBytes, endSeq: Number.POSITIVE_INFINITY });
  return segment.count > 0;
}

async function readOne(
  options: ReadOptions,
  window: ScanWindow,
  handle: DiskFile,
  file: SegmentFile,
  header: Header,
  endSeq: number,
  isLast: boolean,
): Promise<Segment> {
  const result = await scanSegment(handle, window, {
    header,
    fileBytes: file.bytes,
    endSeq,
  });
  const { segment } = result;
  const known = options.stored.received;
  if (isLast && !segment.isCompacted) {
    const cutAt = await tornFrom(handle, result, known);
    if (cutAt !== null && cutAt < segment.end) segment.cut(cutAt);
    await setAside(options, handle, segment, result.damages, known);
    if (file.bytes > segment.bytes) {
      await handle.truncate(segment.bytes);
      // Where committed records are missing, that is told instead.
      if (segment.end > known) tellTorn(options, file.bytes - segment.bytes);
    } else await handle.sync(); // What a killed process had written but not synced counts from here on.
  } else await setAside(options, handle, segment, result.damages, endSeq - 1);
  return segment;
}

/**
 * Where the last group commit stops being whole, or null. Up to `known` the database knows records to be committed, and a
 * later group commit proves all before it: damage there is no torn tail.
 */
async function tornFrom(handle: DiskFile, result: ScanResult, known: number): Promise<number | null> {
  const { segment, damages, lastGroupSeq } = result;
  const torn = damages.find(
    ({ fromSeq, toSeq }) => toSeq !== null && toSeq >= fromSeq && fromSeq > lastGroupSeq && fromSeq > known,
  );
  // Of a record before it the header may have come to the disk, and the body not.
  const badBody = await findBadBody(handle, segment, Math.max(lastGroupSeq, known + 1, segment.base));
  if (torn === undefined || badBody === null) return torn?.fromSeq ?? badBody;
  return Math.min(torn.fromSeq, badBody);
}

async function readHeader(handle: DiskFile, file: SegmentFile): Promise<Header> {
  const bytes = Buffer.allocUnsafeSlow(SEGMENT_HEADER_BYTES);
  await handle.read(bytes, 0, bytes.length, 0);
  const header = readSegmentHeader(bytes);
  if (header && !isKnownVersion(header)) {
    throw new BridgeError(
      'storeTooNew',
      `The journal file ${file.name} was written by a newer bridge (format ${header.version}).`,
      { exitCode: EXIT.config },
    );
  }
  // With a damaged header the name still tells base and salt.
  if (header?.base === file.base && header.salt === file.salt) return header;
  return { base: file.base, salt: file.salt, leftOutBefore: 0, compactedCount: null, owner: 0 };
}

/** Copies damaged bytes of committed records beside the segment, once: a later start finds their numbers settled. */
async function setAside(
  { disk, directory }: ReadOptions,
  handle: DiskFile,
  segment: Segment,
  damages: readonly Damage[],
  lastCommitted: number,
): Promise<void> {
  for (const damage of damages) {
    const { fromOffset, toOffset, fromSeq } = damage;
    const toSeq = damage.toSeq ?? lastCommitted;
    if (fromSeq > Math.min(toSeq, lastCommitted)) continue;
    const name = path.join(directory, `${segment.name}.${fromOffset}.corrupt`);
    // There from an earlier start; or no room, which must not keep the rest of the journal from being read.
    const copy = await disk.create(name).catch(() => null);
    try {
      if (copy === null) continue;
      const bytes = Buffer.allocUnsafe(toOffset - fromOffset);
      const count = await handle.read(bytes, 0, bytes.length, fromOffset);
      await copy.writeDurably(bytes, 0, count, 0);
    } catch {
      // Where half a copy cannot be removed either it stays: it is for people to look at, and nothing reads it.
      await disk.remove(name).catch(() => {});
    } finally {
      await copy?.close();
    }
  }
}

function tellTorn({ id, report }: ReadOptions, bytes: number): void {
  report({
    kind: 'tornTail',
    connectionId: id,
    bytes,
    message:
      `The journal of ${id} ended in ${bytes} bytes that are no whole record: they were never acknowledged and are cut off. ` +
      'The broker sends those messages again.',
  });
}
