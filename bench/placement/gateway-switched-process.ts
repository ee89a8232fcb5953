import { setTimeout as sleep } from 'node:timers/promises';
import { readDeployment } from '@mainstay/kernel/deployment';
import { startProcess } from '@mainstay/kernel/process';
import { createLog } from '@mainstay/kernel/testing';
import { modules } from '@mainstay/main/modules';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { GatewayDoor } from '../../kernel/http/gateway-door.ts';

/** How many pairs of spells, and how long each, in milliseconds. */
export interface Spells {
  pairs: number;
  spell: number;
}
/** What happened in one spell. */
export interface Spell {
  requests: number;
  /** Of processor time of this process. */
  micros: number;
  milliseconds: number;
}
/** The same process, with its gateway and without. */
export interface SpellPair {
  on: Spell;
  off: Spell;
}

/**
 * A deployment in one process whose gateway can be taken out of the way of requests and put back, by the message `Spells`.
 * Without it, requests go the way that they have where no gateway is enabled. Arguments: the database server, the database, the
 * secret, a folder, the deployment file, and whether the switch changes anything.
 */
const [databaseUrl, databaseName, secret, dataFolder, file, switches] = process.argv.slice(2) as [string, string, string, string, string, 'real' | 'control'];
let isOn = true;
let requests = 0;
const passed = Symbol('a request that went past the gateway');
const { guardRoutes, admit } = GatewayDoor.prototype;
GatewayDoor.prototype.guardRoutes = function (app) {
  type Hook = (request: FastifyRequest, reply: unknown, done: () => void) => void;
  const addHook = (name: 'onRequest', hook: Hook) => app.addHook(name, (request, reply, done) => {
    requests++;
    if (!isOn && switches === 'real') return done();
    (request as { [passed]?: boolean })[passed] = true;
    hook(request, reply, done);
  });
  guardRoutes.call(this, { addHook } as unknown as FastifyInstance);
};
GatewayDoor.prototype.admit = function (request, reply, method) {
  return (request as { [passed]?: boolean })[passed] ? admit.call(this, request, reply, method) : undefined;
};

const { address } = await startProcess({ deployment: readDeployment(file, modules), databaseUrl, databaseName, secret, dataFolder, log: createLog({ level: 'warn' }), announce: () => {} });
process.send!({ address: address.replace('localhost', '127.0.0.1') });
process.on('message', async (spells: Spells) => process.send!(await inPairs(spells)));
process.on('disconnect', () => process.exit());

async function inPairs({ pairs, spell }: Spells): Promise<SpellPair[]> {
  const found: SpellPair[] = [];
  for (let pair = 0; pair < pairs; pair++) {
    // Whichever comes first has it no better than the other.
    const first = Math.random() < 0.5;
    const one = await observe(first, spell);
    const other = await observe(!first, spell);
    found.push(first ? { on: one, off: other } : { on: other, off: one });
  }
  isOn = true;
  return found;
}

async function observe(on: boolean, spell: number): Promise<Spell> {
  isOn = on;
  // Those that came before are answered meanwhile.
  await sleep(5);
  const [used, began, before] = [process.cpuUsage(), performance.now(), requests];
  await sleep(spell);
  const { user, system } = process.cpuUsage(used);
  return { requests: requests - before, micros: user + system, milliseconds: performance.now() - began };
}
