import { readFileSync, unwatchFile, watchFile } from 'node:fs';
import type { GatewayTls, Logger } from '@mainstay/kernel';
import type { Config } from '../config.ts';

/** How often the files are looked at, in milliseconds: those that manage certificates replace them by links, which is no event of theirs. */
const lookEveryMs = 1000;

/** The certificate and its key, as they lie in files. */
export class CertificateFiles implements GatewayTls {
  readonly host: string;
  readonly port: number;
  readonly redirects: boolean;
  readonly #files: readonly [certificate: string, key: string];
  readonly #log: Logger;
  #openPort: number;

  constructor({ host, port, certificate, key, redirect }: NonNullable<Config['tls']>, log: Logger) {
    this.host = host;
    this.port = port;
    this.redirects = redirect;
    this.#openPort = port;
    this.#files = [certificate, key];
    this.#log = log;
  }

  /** The port that was taken, where any was asked for. */
  get openPort(): number {
    return this.#openPort;
  }

  opened(port: number): void {
    this.#openPort = port;
    this.#log.info({ port }, 'TLS is spoken');
  }

  read(): { cert: Buffer; key: Buffer } {
    const [certificate, key] = this.#files;
    return { cert: readFileSync(certificate), key: readFileSync(key) };
  }

  watch(changed: () => void): () => void {
    for (const file of this.#files) watchFile(file, { interval: lookEveryMs, persistent: false }, changed);
    return () => {
      for (const file of this.#files) unwatchFile(file, changed);
    };
  }
}
