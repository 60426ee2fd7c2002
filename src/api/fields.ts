// Small schemas that several routes share.
import Type from 'typebox';
import { CONNECTION_ID_PATTERN } from '../domain/connection.ts';

export const ConnectionId = Type.String({
  pattern: CONNECTION_ID_PATTERN,
  description: 'The id of a connection.',
  examples: ['tenant-a'],
});

export const ByConnection = Type.Object({ id: ConnectionId });

export const DevEui = Type.String({
  pattern: '^[0-9A-Fa-f]{16}$',
  description: 'A DevEUI: 16 hex digits.',
  examples: ['0018B20000000B20'],
});

export const DateTime = Type.String({ format: 'date-time' });

/** Of schemas that only say what an answer holds. */
export const Count = Type.Integer({ minimum: 0 });
export const Nullable = <Schema extends Parameters<typeof Type.Union>[0][number]>(schema: Schema) =>
  Type.Union([schema, Type.Null()]);
export const Counts = Type.Record(Type.String(), Type.Integer());
