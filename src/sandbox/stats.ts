// What the sandbox counts about requests and records.

export interface SandboxStats {
  /** Requests by `METHOD path` (path parameters as in the OpenAPI document) and status; `cut`: no whole answer was given. */
  readonly requests: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly totalRequests: number;
  /** Ingestion requests that took effect, whatever the client saw. */
  readonly acceptedRequests: number;
  readonly acceptedRecords: number;
  readonly duplicates: number;
  /** Records older than one of the same device that came before; duplicates are not counted here. */
  readonly outOfOrder: number;
  /** Records in requests that were refused with 400, 404 or 413. */
  readonly refusedRecords: number;
  readonly largestBatch: { readonly records: number; readonly bytes: number };
  /** Time spent on ingestion from the whole body to the answer, ms. */
  readonly ingestMs: { readonly total: number; readonly max: number };
  readonly openConnections: number;
  /** Text of the records that can be asked for, and how many records had to go because of `keepBytes`. */
  readonly keptBytes: number;
  readonly forgottenRecords: number;
  readonly devices: number;
}

export class Stats {
  readonly requests = new Map<string, Map<string, number>>();
  totalRequests = 0;
  acceptedRequests = 0;
  acceptedRecords = 0;
  duplicates = 0;
  outOfOrder = 0;
  refusedRecords = 0;
  largestRecords = 0;
  largestBytes = 0;
  ingestMs = 0;
  longestIngestMs = 0;
  openConnections = 0;

  count(route: string, status: string): void {
    this.totalRequests++;
    let byStatus = this.requests.get(route);
    if (!byStatus) {
      byStatus = new Map();
      this.requests.set(route, byStatus);
    }
    byStatus.set(status, (byStatus.get(status) ?? 0) + 1);
  }

  reset(): void {
    this.requests.clear();
    this.totalRequests = 0;
    this.acceptedRequests = 0;
    this.acceptedRecords = 0;
    this.duplicates = 0;
    this.outOfOrder = 0;
    this.refusedRecords = 0;
    this.largestRecords = 0;
    this.largestBytes = 0;
    this.ingestMs = 0;
    this.longestIngestMs = 0;
  }

  snapshot(keptBytes: number, forgottenRecords: number, devices: number): SandboxStats {
    const requests = Object.fromEntries(
      [...this.requests].map(([route, counts]) => [route, Object.fromEntries(counts)]),
    );
    return {
      requests,
      totalRequests: this.totalRequests,
      acceptedRequests: this.acceptedRequests,
      acceptedRecords: this.acceptedRecords,
      duplicates: this.duplicates,
      outOfOrder: this.outOfOrder,
      refusedRecords: this.refusedRecords,
      largestBatch: { records: this.largestRecords, bytes: this.largestBytes },
      ingestMs: { total: this.ingestMs, max: this.longestIngestMs },
      openConnections: this.openConnections,
      keptBytes,
      forgottenRecords,
      devices,
    };
  }
}
