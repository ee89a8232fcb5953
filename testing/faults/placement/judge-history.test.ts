import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { longestSilence, type Command } from './history.ts';
import { judgeHistory, type Found } from './judge-history.ts';

/** What may become of a command when all is well: acknowledged and applied once, or of unknown outcome and applied once or not. */
const fate = fc.record({ keyed: fc.boolean(), tries: fc.integer({ min: 1, max: 3 }), outcome: fc.constantFrom('acknowledged', 'applied', 'not applied') });

interface World {
  history: Command[];
  found: Found & { rows: { id: string; title: string }[]; sights: string[] };
}

const soundWorld = fc.array(fate, { minLength: 1, maxLength: 30 }).map((fates): World => {
  const history = fates.map(({ keyed, tries, outcome }, at): Command => ({
    title: `command ${at}`, keyed, begun: at,
    tries: Array.from({ length: keyed ? tries : 1 }, (_, n) => ({ began: at + n, ended: at + n + 1, ...(outcome === 'acknowledged' && { status: 200 }) })),
    ...(outcome === 'acknowledged' && { acknowledged: { id: `row ${at}`, at: at + tries } }),
  }));
  const rows = fates.flatMap(({ outcome }, at) => (outcome === 'not applied' ? [] : [{ id: `row ${at}`, title: `command ${at}` }]));
  return { history, found: { rows, sights: rows.map(({ id }) => id).reverse() } };
});

/** Each does one wrong to a sound world that has a row for it; gives what must be said of it. */
const wrongs: Record<string, (world: World, at: number) => RegExp> = {
  'an acknowledged command is lost': ({ history, found }, at) => {
    const row = found.rows.splice(at, 1)[0]!;
    found.sights = found.sights.filter((id) => id !== row.id);
    history.find(({ title }) => title === row.title)!.acknowledged = { id: row.id, at: 0 };
    return new RegExp(`^${row.title} was acknowledged and is lost$`);
  },
  'a command is applied twice': ({ found }, at) => {
    const { title } = found.rows[at]!;
    found.rows.push({ id: 'another', title });
    found.sights.push('another');
    return new RegExp(`^${title} was applied 2 times$`);
  },
  'a command is acknowledged as another': ({ history, found }, at) => {
    const { title } = found.rows[at]!;
    history.find((command) => command.title === title)!.acknowledged = { id: 'another', at: 0 };
    return new RegExp(`^${title} was acknowledged as another and is there as row`);
  },
  'an event takes effect twice': ({ found }, at) => {
    found.sights.push(found.rows[at]!.id);
    return new RegExp(`^the event of ${found.rows[at]!.title} took effect 2 times$`);
  },
  'an event is lost': ({ found }, at) => {
    found.sights = found.sights.filter((id) => id !== found.rows[at]!.id);
    return new RegExp(`^the event of ${found.rows[at]!.title} took effect 0 times$`);
  },
  'an event tells of what did not happen': ({ found }) => {
    found.sights.push('nothing');
    return /^an event tells of nothing, which is not there$/;
  },
  'a row is there that nobody asked for': ({ found }) => {
    found.rows.push({ id: 'stray', title: 'stray' });
    found.sights.push('stray');
    return /^stray was applied, and nobody sent it$/;
  },
};

test('a history in which all was acknowledged, applied and announced as it should gets no complaint', () => {
  fc.assert(fc.property(soundWorld, ({ history, found }) => assert.deepEqual(judgeHistory(history, found), [])));
});

for (const [wrong, commit] of Object.entries(wrongs)) {
  test(`it is found out, and named alone, that ${wrong}`, () => {
    fc.assert(fc.property(soundWorld.filter(({ found }) => found.rows.length > 0), fc.nat(), (world, at) => {
      const said = commit(world, at % world.found.rows.length);
      const problems = judgeHistory(world.history, world.found);
      assert.equal(problems.length, 1, problems.join('\n'));
      assert.match(problems[0]!, said);
    }));
  });
}

test('the longest silence counts from the beginning and to the end of the time that is looked at', () => {
  const history = [10, 12, 40].map((at): Command => ({ title: `${at}`, keyed: true, begun: 0, tries: [], acknowledged: { id: `${at}`, at } }));
  assert.deepEqual([longestSilence(history, 0, 45), longestSilence(history, 11, 100), longestSilence(history, 11, 12.5), longestSilence([], 3, 8)], [28, 60, 1, 5]);
});
