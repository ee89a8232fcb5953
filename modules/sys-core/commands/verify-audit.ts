import type { CommandTools } from '@mainstay/kernel';
import { quantity } from '@mainstay/kernel/quantity';
import { AuditBreak_Kind, AuditService } from '../contract/index.ts';

/** A place in the chain: an entry's number and hash. */
export interface Position {
  sequence: bigint;
  hash: string;
}

/** Checks the chain from `after` to its end, part by part. Throws at the first break, which ends the program with code 1. */
export async function verifyAudit(cli: CommandTools, after?: Position): Promise<void> {
  const client = await cli.client(AuditService);
  let checked = 0n;
  for (let from = after; ; ) {
    const { checked: more, head, complete, broken, endNotCompared } = await client.verifyAudit({ ...(from && { after: from }), maxEntries: 100_000 });
    checked += more;
    if (broken) throw new Error(`the audit is broken at entry ${broken.sequence} (${AuditBreak_Kind[broken.kind]}): ${broken.explanation}; the ${quantity(checked, 'entry', 'entries')} before it hold`);
    from = head!;
    if (!complete) {
      cli.progress(Number(checked), Number(checked) + 1, 'entries checked');
      continue;
    }
    if (cli.json) return cli.print(JSON.stringify({ checked: Number(checked), head: { sequence: Number(from.sequence), hash: from.hash }, ...(endNotCompared && { endNotCompared }) }, null, 2));
    if (endNotCompared) cli.print(`the end of the chain could not be compared, so entries may be missing there: ${endNotCompared}`);
    const until = from.sequence > 0n ? `; head ${from.sequence}:${from.hash}` : '';
    return cli.print(`${quantity(checked, 'entry', 'entries')} checked, and all hold${until}`);
  }
}
