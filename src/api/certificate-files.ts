// The certificate of the HTTP port as files: read at the start, and read again when they change, so that renewing one needs no restart.
// Looked at every ten seconds rather than watched: Kubernetes swaps links, which watchers of a file do not see.
import { readFileSync, statSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { BridgeError, describeError, EXIT } from '../domain/errors.ts';
import type { Cancel, Clock } from '../domain/ports/clock.ts';

export interface Certificate {
  /** PEM. */
  readonly cert: string;
  readonly key: string;
}

const LOOK_MS = 10_000;

export class CertificateFiles {
  readonly #certFile: string;
  readonly #keyFile: string;
  #stamp = '';

  constructor(certFile: string, keyFile: string) {
    this.#certFile = certFile;
    this.#keyFile = keyFile;
  }

  /** Throws a BridgeError `certificateInvalid` (exit 78) that says what is wrong with which file. */
  read(): Certificate {
    try {
      this.#stamp = this.#stampNow();
      const certificate = { cert: readFileSync(this.#certFile, 'utf8'), key: readFileSync(this.#keyFile, 'utf8') };
      createSecureContext(certificate);
      return certificate;
    } catch (error) {
      const message = `The certificate ${this.#certFile} with the key ${this.#keyFile} cannot be used: ${describeError(error)}`;
      throw new BridgeError('certificateInvalid', message, { exitCode: EXIT.config, cause: error });
    }
  }

  /** What is half-written or wrong is told once and left: the one in use stays. */
  watch(clock: Clock, onChange: (certificate: Certificate) => void, onFault: (message: string) => void): Cancel {
    let cancel: Cancel = () => {};
    const look = (): void => {
      cancel = clock.after(LOOK_MS, look);
      if (this.#stampNow() === this.#stamp) return;
      try {
        onChange(this.read());
      } catch (error) {
        onFault(`${describeError(error)}. The one in use stays.`);
      }
    };
    cancel = clock.after(LOOK_MS, look);
    return () => cancel();
  }

  #stampNow(): string {
    return [this.#certFile, this.#keyFile]
      .map((file) => {
        const stat = statSync(file, { throwIfNoEntry: false });
        return stat === undefined ? 'none' : `${stat.ino} ${stat.size} ${stat.mtimeMs}`;
      })
      .join(', ');
  }
}
