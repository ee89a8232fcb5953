import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import { StartError } from '../module/start-error.ts';

/** The section `calls.tls` of a deployment file. */
export const peerTlsSection = z.strictObject({
  certificate: z.string().min(1).describe('File with the certificate of this deployment’s processes, in PEM; it is shown to whoever calls, and to whoever is called.'),
  key: z.string().min(1).describe('File with the certificate’s private key, in PEM.'),
  authority: z.string().min(1).describe('File with the authority that signed the certificates of all processes, in PEM. Nobody whose certificate it did not sign is talked to.'),
});

/** What both sides of a connection between processes show and ask of each other: mutual TLS. */
export interface PeerTls {
  certificate: string;
  key: string;
  authority: string;
}

/** Reads the files that a deployment file names, as it sees them. Throws a `StartError` with each that can not be read. */
export function readPeerTls(deployment: string, files: z.infer<typeof peerTlsSection>): PeerTls {
  const problems: string[] = [];
  const read = (name: keyof PeerTls) => {
    try {
      return readFileSync(resolve(dirname(deployment), files[name]), 'utf8');
    } catch (error) {
      problems.push(`${deployment}: calls.tls.${name}: ${files[name]} can not be read: ${(error as Error).message}`);
      return '';
    }
  };
  const tls = { certificate: read('certificate'), key: read('key'), authority: read('authority') };
  if (problems.length > 0) throw new StartError(problems);
  return tls;
}

/** The same as Node's TLS takes it. */
export const secureOptions = ({ certificate, key, authority }: PeerTls) => ({ cert: certificate, key, ca: authority, minVersion: 'TLSv1.3' as const });
