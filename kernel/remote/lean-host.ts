import type { Socket } from 'node:net';
import type { DescMethod } from '@bufbuild/protobuf';
import type { Call } from '../guard/call.ts';
import type { PortConnection } from './port-connection.ts';
import type { UnaryMethod } from './unary-answer.ts';

/** What the connections of the internal port share. */
export interface LeanHost {
  /** A unary method by its path. */
  methodAt(path: string): UnaryMethod | undefined;
  arrive: (header: Headers, method: DescMethod) => Call | Promise<Call>;
  bodyLimitBytes: number;
  readonly isDraining: boolean;
  /** What it speaks is more than is read here. */
  handOver(socket: Socket): void;
  /** It goes on as another. */
  became(connection: PortConnection): void;
  /** It is closed, or handed over. */
  done(connection: PortConnection): void;
}
