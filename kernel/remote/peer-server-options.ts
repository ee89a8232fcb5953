import type { DescMethod } from '@bufbuild/protobuf';
import type { Call } from '../guard/call.ts';
import type { ServedMethod } from '../placement/served-method.ts';
import type { Logger } from '../telemetry/log.ts';
import type { PeerTls } from './peer-tls.ts';

export interface PeerServerOptions {
  host: string;
  /** 0 picks a free one. */
  port: number;
  /** Another process listens there still, whose place it takes. */
  succeeds?: boolean;
  /** The method that is served under a path such as `mainstay.promist.v1.PromisesService/GetPromise`. */
  find: (path: string) => ServedMethod | undefined;
  /** Who makes a call, by its headers; throws `unauthenticated` if they do not say. */
  arrive: (header: Headers, method: DescMethod) => Call | Promise<Call>;
  /** The largest request or message, in bytes. */
  bodyLimitBytes: number;
  log: Logger;
  /** Shown to whoever calls, and asked of them; plain TCP if absent. */
  tls?: PeerTls;
}
