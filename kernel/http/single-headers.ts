import type { FastifyInstance } from 'fastify';
import { httpErrors } from './http-errors.ts';

/** Those of which Node keeps the first and a proxy in front may have read the last. */
const single = ['host', 'authorization', 'content-type'];
const lengths = new Set(single.map(({ length }) => length));

/** Refuses a request with two of a header that may stand once (RFC 9112 §3.2, RFC 9110 §5.3). */
export function refuseRepeatedHeaders(app: FastifyInstance): void {
  app.addHook('onRequest', (request, _reply, done) => {
    const { rawHeaders } = request.raw;
    let seen = 0;
    for (let at = 0; at < rawHeaders.length; at += 2) {
      const name = rawHeaders[at]!;
      if (!lengths.has(name.length)) continue;
      const bit = 1 << (single.indexOf(name.toLowerCase()) + 1);
      if (bit === 1) continue;
      if (seen & bit) throw httpErrors.MALFORMED_HEADER({ header: name.toLowerCase(), problem: 'it stands twice' });
      seen |= bit;
    }
    done();
  });
}
