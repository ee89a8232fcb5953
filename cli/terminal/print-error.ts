import { styleText } from 'node:util';
import { OperatorError } from '@mainstay/deploy/operator-error';

/** Prints what went wrong for a person, never a stack: the message, the fields that are wrong, and the reason to search for. */
export async function printError(thrown: unknown): Promise<void> {
  // Connect wraps what an interceptor throws.
  const error = thrown instanceof Error && thrown.name === 'ConnectError' && thrown.cause instanceof OperatorError ? thrown.cause : thrown;
  const lines = error instanceof Error && error.name === 'ConnectError' ? await describeCall(error) : [error instanceof Error ? error.message : String(error)];
  process.stderr.write(`mainstay: ${lines.join('\n')}\n`);
}

/** What to do next, by the code of the error. */
const hints: Record<number, readonly string[]> = {
  7: ['act as somebody else with --as EMAIL'],
  16: ['sign in with ./mainstay login EMAIL'],
};

async function describeCall(error: Error): Promise<string[]> {
  const { reasonOf, violationsOf } = await import('@mainstay/kernel');
  const { rawMessage, code } = error as Error & { rawMessage: string; code: number };
  const { Code } = await import('@connectrpc/connect');
  const reason = reasonOf(error) ?? Code[code];
  const wrong = violationsOf(error).filter(({ description }) => !rawMessage.includes(description)).map(({ field, description }) => `  ${field}: ${description}`);
  return [`${rawMessage} ${styleText('dim', `(${reason})`, { stream: process.stderr })}`, ...wrong, ...(hints[code] ?? []).map((hint) => `  ${hint}`)];
}
