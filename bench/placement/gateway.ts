/**
 * What the gateway adds to a request, and what a hop to another process does.
 *
 * 1. Its policies by themselves, for a known caller, in one thread and nothing else.
 * 2. `GET /v1/promises/ID` with an access token in one process, with the gateway in its way and without, switched on and off in
 *    turn within the same process (two of the same kind differ by more than it costs): means over pairs of short spells,
 *    with the interval that holds them with 95 %. A process whose switch changes nothing shows what that is worth.
 * 3. The same request answered by the gateway's own process, and by another one behind it.
 *
 * `node bench/placement/gateway.ts [--pairs of spells] [--spell milliseconds] [--hops pairs of seconds]`
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { startEmbeddedPostgres } from '../../kernel/data/embedded/embedded-postgres.ts';
import { conditions } from '../conditions.ts';
import { requireWrk } from '../rest/wrk.ts';
import { compareHops } from './gateway-hop.ts';
import { comparePolicies } from './gateway-policies.ts';
import { compareSwitched } from './gateway-switched.ts';

const { values } = parseArgs({ options: { pairs: { type: 'string', default: '60' }, spell: { type: 'string', default: '80' }, hops: { type: 'string', default: '8' } } });

requireWrk();
const folder = mkdtempSync(join(tmpdir(), 'mg-'));
const postgres = await startEmbeddedPostgres({ directory: join(folder, 'pg'), diesWithParent: true, connections: 200 });
try {
  console.log(conditions());
  await comparePolicies();
  const place = { folder, adminUrl: postgres.adminUrl };
  await compareSwitched(place, { pairs: Number(values.pairs), spell: Number(values.spell) });
  await compareHops(place, Number(values.hops));
} finally {
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
}
