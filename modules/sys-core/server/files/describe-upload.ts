import { parse } from 'content-disposition';
import { Visibility, type UploadFileRequest } from '../../contract/index.ts';
import { errors } from '../../errors.ts';
import { fileName } from './file-name.ts';

/** What a sender says of a file before its content. */
export interface AnnouncedFile {
  name: string;
  visibility: 'PRIVATE' | 'ORG';
  declaredType: string;
  /** In bytes, if it is known. */
  size: number | undefined;
  /** Every SHA-256 that the content must have, in hexadecimal. */
  sha256: string[];
}

/** Reads what the first message, and over REST the headers, say of a file. Throws if that cannot be. */
export function describeUpload({ name, visibility, size, sha256, content }: UploadFileRequest, header: Headers): AnnouncedFile {
  return {
    name: fileName(name || nameIn(header)),
    visibility: visibility === Visibility.ORG ? 'ORG' : 'PRIVATE',
    declaredType: content?.contentType ?? '',
    size: size > 0n ? Number(size) : undefined,
    sha256: [...(sha256 ? [sha256.toLowerCase()] : []), ...digestsIn(header)],
  };
}

function nameIn(header: Headers): string {
  const disposition = header.get('content-disposition');
  if (disposition === null) return '';
  return parse(disposition).parameters.filename ?? '';
}

/** The SHA-256 in `content-digest`, a dictionary of base64 between colons (RFC 9530); other algorithms are left alone. */
function digestsIn(header: Headers): string[] {
  const digest = header.get('content-digest');
  if (digest === null) return [];
  return digest.split(',').flatMap((member) => {
    const [, algorithm, base64] = /^\s*([a-z0-9-]+)=:([A-Za-z0-9+/]+=*):\s*$/.exec(member) ?? [];
    const hex = Buffer.from(base64 ?? '', 'base64').toString('hex');
    if (!algorithm || (algorithm === 'sha-256' && hex.length !== 64)) throw errors.DIGEST_INVALID();
    return algorithm === 'sha-256' ? [hex] : [];
  });
}
