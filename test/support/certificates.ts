// Certificates for TLS tests, made with openssl: an authority, a server for 127.0.0.1 and localhost, a client, and a stranger.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

export class Certificates {
  readonly dir = mkdtempSync(path.join(tmpdir(), 'bridge-certificates-'));

  constructor() {
    this.#authority('ca');
    this.#authority('stranger');
    this.#signed('server', 'subjectAltName=IP:127.0.0.1,DNS:localhost');
    this.#signed('client', 'extendedKeyUsage=clientAuth');
  }

  file(name: 'ca.crt' | 'stranger.crt' | 'server.crt' | 'server.key' | 'client.crt' | 'client.key'): string {
    return path.join(this.dir, name);
  }

  read(name: Parameters<Certificates['file']>[0]): Buffer {
    return readFileSync(this.file(name));
  }

  remove(): void {
    rmSync(this.dir, { recursive: true, force: true });
  }

  #authority(name: string): void {
    this.#openssl(
      'req',
      '-x509',
      '-nodes',
      ...this.#key(name),
      '-days',
      '2',
      '-subj',
      `/CN=${name}`,
      '-out',
      `${name}.crt`,
    );
  }

  #signed(name: string, extension: string): void {
    writeFileSync(path.join(this.dir, `${name}.ext`), `${extension}\n`);
    this.#openssl('req', '-nodes', ...this.#key(name), '-subj', `/CN=${name}`, '-out', `${name}.csr`);
    const signing = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-days', '2'];
    this.#openssl('x509', '-req', '-in', `${name}.csr`, ...signing, '-extfile', `${name}.ext`, '-out', `${name}.crt`);
  }

  #key(name: string): string[] {
    return ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-keyout', `${name}.key`];
  }

  #openssl(...args: string[]): void {
    execFileSync('openssl', args, { cwd: this.dir, stdio: 'ignore' });
  }
}
