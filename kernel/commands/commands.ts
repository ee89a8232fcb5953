import type { DescMethod } from '@bufbuild/protobuf';
import { Code, ConnectError } from '@connectrpc/connect';
import type { ModuleDatabase } from '../data/create-database.ts';
import { codeName } from '../errors/code-name.ts';
import { reasonOf, violationsOf } from '../errors/define-errors.ts';
import type { Call } from '../guard/call.ts';
import type { Logger } from '../telemetry/log.ts';
import { recordOf, recordStatements } from './command-record.ts';
import { FailedCommands } from './failed-commands.ts';
import { Idempotency } from './idempotency.ts';
import { InTurn } from './in-turn.ts';

export interface CommandsOptions {
  database: ModuleDatabase<any>;
  /** The deployment's secret, in hexadecimal. */
  secret: string;
  log: Logger;
  /** Told when new records are there for the audit. */
  kept?: () => void;
}

/** What the commands of a module are run with. */
export class Commands {
  readonly database: ModuleDatabase<any>;
  readonly idempotency: Idempotency;
  readonly statements: ReturnType<typeof recordStatements>;
  readonly inTurn = new InTurn();
  /** Told when new records are there for the audit. */
  readonly kept: () => void;
  readonly #failed: FailedCommands;

  constructor({ database, secret, log, kept = () => {} }: CommandsOptions) {
    this.database = database;
    this.#failed = new FailedCommands(database, log, kept);
    this.idempotency = new Idempotency(secret);
    this.statements = recordStatements(database.module);
    this.kept = kept;
  }

  /** Keeps a record of a command that was refused or failed, where the audit wants one. */
  fail(call: Call, method: DescMethod, request: object, error: ConnectError, wasLetIn: boolean): void {
    if (isOfInterest(call, error, wasLetIn)) this.#failed.add(recordOf(call, method, request, outcomeOf(error)));
  }

  /** Writes the records that wait. */
  close(): Promise<void> {
    return this.#failed.close();
  }
}

/**
 * Refusals and failures of people who are signed in; of others only that they failed to prove who they are. Requests
 * that are not valid in themselves are nobody's deed.
 */
function isOfInterest({ principal }: Call, error: ConnectError, wasLetIn: boolean): boolean {
  if (principal.kind === 'anonymous') return wasLetIn && (error.code === Code.Unauthenticated || error.code === Code.PermissionDenied);
  if (principal.kind === 'module') return false;
  return error.code !== Code.InvalidArgument || (violationsOf(error).length === 0 && !reasonOf(error)?.startsWith('kernel.'));
}

const outcomeOf = (error: ConnectError): string => reasonOf(error) ?? `kernel.${codeName(error.code)}`;
