// Types for the inner parts of kafkajs 2.2.4 that kafka-internals.ts uses; the package ships none for these paths.
declare module 'kafkajs/src/network/requestQueue/index.js' {
  class RequestQueue {
    readonly pending: readonly unknown[];
    readonly inflight: ReadonlyMap<
      number,
      { readonly sentAt: number; readonly requestTimeout: number; timeoutRequest(): void }
    >;
    readonly requestTimeout: number;
    readonly enforceRequestTimeout: boolean;
    readonly throttledUntil: number;
    throttleCheckTimeoutId: NodeJS.Timeout | null;
    requestTimeoutIntervalId: NodeJS.Timeout | undefined;
    isConnected(): boolean;
    destroy(): void;
    checkPendingRequests(): void;
    scheduleCheckPendingRequests(): void;
    scheduleRequestTimeoutCheck(): void;
  }
  export = RequestQueue;
}

declare module 'kafkajs/src/protocol/requests/index.js' {
  interface Request {
    readonly versions: readonly string[];
    protocol(which: { version: number }): (options: unknown) => unknown;
  }
  export const requests: Readonly<Record<string, Request>>;
}

declare module 'kafkajs/src/protocol/requests/apiKeys.js' {
  const apiKeys: Readonly<Record<string, number>>;
  export = apiKeys;
}

declare module 'kafkajs/src/protocol/error.js' {
  export function createErrorFromCode(code: number): Error & { readonly type?: string; readonly retriable?: boolean };
}

declare module 'kafkajs/src/protocol/encoder.js' {
  class Encoder {
    readonly buffer: Buffer;
    writeUVarInt(value: number): this;
    writeUVarIntString(value: string): this;
    writeInt32(value: number): this;
    writeInt64(value: number): this;
  }
  export = Encoder;
}
