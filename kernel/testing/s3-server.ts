import { mkdtempSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { AddressInfo, Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { S3Settings } from '../files/files-config.ts';

interface S3rver {
  run(): Promise<AddressInfo>;
  close(): Promise<void>;
  store: Record<'putObject' | 'deleteObject', (...args: unknown[]) => Promise<unknown>>;
  httpServer: Server & { closeAllConnections(): void };
}
type S3rverConstructor = new (options: object) => S3rver;

/** A server that speaks the S3 protocol and checks signatures, with these empty buckets, in a temporary folder; on a free port. The settings name the first. */
export async function testS3Server(buckets: readonly string[] = ['mainstay-test']): Promise<{ settings: S3Settings; stop(): Promise<void> }> {
  // The package has no types.
  const require = createRequire(import.meta.url);
  knowDes(require('node:crypto') as Crypto);
  const Server = require('@20minutes/s3rver') as S3rverConstructor;
  const directory = mkdtempSync(join(tmpdir(), 'mainstay-s3-'));
  const server = new Server({ address: '127.0.0.1', port: 0, silent: true, directory, configureBuckets: buckets.map((name) => ({ name })) });
  // It would remove a folder that was empty a moment ago, with an object that came meanwhile.
  oneAtATime(server.store, ['putObject', 'deleteObject']);
  const { port } = await server.run();
  return {
    settings: { endpoint: `http://127.0.0.1:${port}`, bucket: buckets[0]!, region: 'us-east-1', prefix: 'some/where', accessKeyId: 'S3RVER', secretAccessKey: 'S3RVER' },
    async stop() {
      const closed = server.close();
      server.httpServer.closeAllConnections();
      await closed;
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

type Crypto = Record<'createCipheriv' | 'createDecipheriv', (algorithm: string, key: Buffer, iv: Buffer) => unknown>;

/** The server writes its page tokens in DES, which OpenSSL 3 lacks: triple DES with one key is the same. */
function knowDes(crypto: Crypto): void {
  for (const name of ['createCipheriv', 'createDecipheriv'] as const) {
    const make = crypto[name];
    crypto[name] = (algorithm, key, iv) => (algorithm === 'des' ? make('des-ede3-cbc', Buffer.concat([key, key, key]), iv) : make(algorithm, key, iv));
  }
}

function oneAtATime<K extends string>(object: Record<K, (...args: unknown[]) => Promise<unknown>>, names: readonly K[]): void {
  let last: Promise<unknown> = Promise.resolve();
  for (const name of names) {
    const run = object[name].bind(object);
    object[name] = (...args) => (last = last.then(() => run(...args), () => run(...args)));
  }
}
