import { createInterface, type Interface } from 'node:readline';
import { OperatorError } from '@mainstay/deploy';

let lines: AsyncIterator<string> | undefined;

/** Asks the person, or reads the next line of standard input where there is no terminal. A secret is not shown. */
export async function ask(question: string, { secret = false } = {}): Promise<string> {
  if (!process.stdin.isTTY) {
    lines ??= createInterface({ input: process.stdin })[Symbol.asyncIterator]();
    const { value, done } = await lines.next();
    if (done) throw new OperatorError(`"${question.trim()}" has no answer: standard input has ended`);
    return value;
  }
  const terminal = createInterface({ input: process.stdin, output: process.stderr, terminal: true });
  process.stderr.write(question);
  if (secret) hideTyping(terminal);
  try {
    return await new Promise((resolve, reject) => {
      terminal.once('line', resolve).once('SIGINT', () => reject(new OperatorError('cancelled')));
    });
  } finally {
    terminal.close();
    if (secret) process.stderr.write('\n');
  }
}

/** What is typed goes through readline's own writer, which is all there is to silence. */
const hideTyping = (terminal: Interface) => Object.assign(terminal, { _writeToOutput: () => {} });
