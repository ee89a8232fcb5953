import fc, { type Arbitrary } from 'fast-check';

const long = 'x'.repeat(5000);

/** What the kernel reads of a request beside its message, with values that it must refuse or live with. */
const values: Readonly<Record<string, readonly string[]>> = {
  'idempotency-key': ['', 'a', 'one key for many', 'x'.repeat(300), '\u00ff\u00fe', '"quoted"'],
  'if-match': ['*', '"a"', 'W/"a"', ',,,', '"', '"a", "b"', 'x'.repeat(300)],
  'if-none-match': ['*', '"a"', 'W/"a"', ',', long],
  traceparent: ['00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01', '00-00000000000000000000000000000000-0000000000000000-00', 'ff-a-b-c', long, '\u00e9'],
  tracestate: ['a=b', ',=,', long],
  'mainstay-org': ['x', '', '00000000-0000-0000-0000-000000000000', '*', "'", '\u00ff', long],
  authorization: ['Bearer', 'Bearer ', 'Bearer x.y.z', 'Bearer e30.e30.e30', 'Basic YTpi', `Bearer ${long}`, 'bearer mst_a_b', 'Bearer \u00ff', 'Bearer mst_00000000-0000-0000-0000-000000000000_a'],
  'content-type': ['', 'text/plain', 'application/json; charset=latin1', 'application/json;;;', 'application/x-www-form-urlencoded', 'multipart/form-data', 'application/grpc+xml', 'application/grpc-web-text', 'application/connect+json', 'application/proto', '\u00ff'],
  'content-encoding': ['gzip', 'br', 'identity', 'x', 'gzip, gzip'],
  'connect-content-encoding': ['gzip', 'br', 'x'],
  'grpc-encoding': ['gzip', 'br', 'x', 'identity'],
  accept: ['text/event-stream', 'text/html', 'x', '*/*;q=0', ''],
  'accept-encoding': ['gzip', 'br;q=0, x', '*'],
  'x-request-id': ['', 'a', 'two words', 'x'.repeat(200), '\u00ff'],
  'connect-timeout-ms': ['0', '1', '5000', '99999999999', '-1', 'x', '1e3'],
  'grpc-timeout': ['1n', '0m', '5S', '99999999H', '999999999H', 'x', '1'],
  'connect-protocol-version': ['1', '2', 'x'],
  origin: ['http://evil.test', 'null', '\u00ff'],
  forwarded: ['for="[::1', 'for=unknown'],
  'x-forwarded-for': ['a, b', '::ffff:1.2.3.4', long],
  cookie: ['a=b; a=c', long],
  range: ['bytes=0-', 'bytes=-1', 'bytes=9-1', 'bytes=a-b', 'bytes=0-0,2-3', 'lines=1-2', 'bytes=99999999999999999999-'],
  'user-agent': ['', long],
  'x-http-method-override': ['DELETE'],
};

/** One or two headers of those that mean something. */
export function anyHeaders(orgs: readonly string[]): Arbitrary<Record<string, string>> {
  const entries = Object.entries({ ...values, 'mainstay-org': [...values['mainstay-org']!, ...orgs] }).flatMap(([name, texts]) => texts.map((text) => [name, text] as const));
  return fc.array(fc.constantFrom(...entries), { minLength: 1, maxLength: 2 }).map((chosen) => Object.fromEntries(chosen));
}
