// What of Kafka's classic group protocol is needed to be a member: kafkajs's internals, in this one file.
//
// kafkajs (2.2.4) has it inside its consumer only, where heartbeats wait for fetches and one partition's leader that is away
// ends the membership. Here there is nothing to fetch: the partitions of the ownership topic are empty, they are only dealt out.
import kafkajs, { type Kafka } from 'kafkajs';
import type { GroupMember } from './sticky-assignment.ts';

/** A connection to the group's coordinator (kafkajs `src/broker`). Its errors carry Kafka's error name as `type`. */
export interface Coordinator {
  joinGroup(request: {
    readonly groupId: string;
    readonly sessionTimeout: number;
    readonly rebalanceTimeout: number;
    readonly memberId: string;
    readonly groupProtocols: readonly { readonly name: string; readonly metadata: Buffer }[];
  }): Promise<{
    readonly generationId: number;
    readonly leaderId: string;
    readonly memberId: string;
    readonly members: readonly { readonly memberId: string; readonly memberMetadata: Buffer }[];
  }>;
  syncGroup(request: {
    readonly groupId: string;
    readonly generationId: number;
    readonly memberId: string;
    readonly groupAssignment: readonly { readonly memberId: string; readonly memberAssignment: Buffer }[];
  }): Promise<{ readonly memberAssignment: Buffer }>;
  heartbeat(request: {
    readonly groupId: string;
    readonly groupGenerationId: number;
    readonly memberId: string;
  }): Promise<unknown>;
  leaveGroup(request: { readonly groupId: string; readonly memberId: string }): Promise<unknown>;
}

/** kafkajs's `src/cluster`. */
export interface GroupCluster {
  connect(): Promise<void>;
  disconnect(): Promise<void>;
  refreshMetadata(): Promise<void>;
  findGroupCoordinator(options: { readonly groupId: string }): Promise<Coordinator>;
}

const { MemberAssignment, MemberMetadata } = kafkajs.AssignerProtocol;

type CreateCluster = (options: { metadataMaxAge: number; allowAutoTopicCreation: boolean }) => GroupCluster;

export function openCluster(kafka: Kafka): GroupCluster {
  const symbol = Object.getOwnPropertySymbols(kafka).find(({ description }) => description === CREATE_CLUSTER);
  const create = symbol === undefined ? undefined : (kafka as unknown as Record<symbol, CreateCluster>)[symbol];
  if (create === undefined) throw new Error('This version of kafkajs has no cluster to be opened: see kafka-group.ts');
  return create.call(kafka, { metadataMaxAge: 300_000, allowAutoTopicCreation: false });
}

const CREATE_CLUSTER = 'private:Kafka:createCluster';
/** Names the way of dealing out: all members of a group must agree on one. */
const PROTOCOL = 'here-bridge-sticky-1';

/** In the usual consumer's form, so that Kafka's own tools can show who has what. */
export function encodeClaim(topic: string, claim: Omit<GroupMember, 'id'>): { name: string; metadata: Buffer } {
  const userData = Buffer.from(JSON.stringify({ held: claim.held, generation: claim.generation }));
  return {
    name: PROTOCOL,
    metadata: MemberMetadata.encode({ version: 1, topics: [topic], userData }),
  };
}

/** A member whose claim cannot be read claims nothing. */
export function decodeClaim(id: string, metadata: Buffer): GroupMember {
  try {
    const userData = MemberMetadata.decode(metadata)?.userData ?? Buffer.alloc(0);
    const { held, generation } = JSON.parse(userData.toString('utf8')) as { held?: unknown; generation?: unknown };
    if (!Array.isArray(held) || !held.every(Number.isSafeInteger) || !Number.isSafeInteger(generation))
      throw new Error();
    return { id, held, generation: generation as number };
  } catch {
    return { id, held: [], generation: -1 };
  }
}

export function encodeAssignment(topic: string, partitions: readonly number[]): Buffer {
  return MemberAssignment.encode({
    version: 0,
    assignment: { [topic]: [...partitions] },
    userData: Buffer.alloc(0),
  });
}

export function decodeAssignment(topic: string, assignment: Buffer): readonly number[] {
  if (assignment.length === 0) return [];
  return MemberAssignment.decode(assignment)?.assignment[topic] ?? [];
}

export type GroupFailure =
  /** The group is dealing out anew: join again. It shows that we are still a member. */
  | 'rebalancing'
  /** We are no member any more: join as a new one. */
  | 'expelled'
  /** Another broker coordinates by now, or none yet. */
  | 'moved'
  /** A person must act. */
  | 'refused'
  | 'other';

export function failureOf(error: unknown): GroupFailure {
  for (let at: unknown = error; at instanceof Error; at = at.cause) {
    const { type, name } = at as { type?: string; name: string };
    if (type === 'REBALANCE_IN_PROGRESS') return 'rebalancing';
    if (type === 'UNKNOWN_MEMBER_ID' || type === 'ILLEGAL_GENERATION' || type === 'FENCED_INSTANCE_ID')
      return 'expelled';
    if (type?.startsWith('NOT_COORDINATOR') || type?.includes('COORDINATOR_NOT_AVAILABLE')) return 'moved';
    if (type?.includes('AUTHORIZATION_FAILED') || type === 'INCONSISTENT_GROUP_PROTOCOL') return 'refused';
    if (type === 'INVALID_SESSION_TIMEOUT' || name === 'KafkaJSSASLAuthenticationError') return 'refused';
  }
  return 'other';
}
