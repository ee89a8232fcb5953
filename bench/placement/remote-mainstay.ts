import { runInCall, type Call } from '../../kernel/guard/call.ts';
import type { Guard } from '../../kernel/guard/guard.ts';
import { arrive, depart } from '../../kernel/peers/peer-headers.ts';
import { createClient } from '../../kernel/placement/create-client.ts';
import { InProcessRegistry } from '../../kernel/placement/in-process-registry.ts';
import { moduleTransport } from '../../kernel/placement/module-transport.ts';
import { serveMethods } from '../../kernel/placement/serve-methods.ts';
import { RemoteTransport } from '../../kernel/remote/remote-transport.ts';
import { servePeers } from '../../kernel/remote/serve-peers.ts';
import { Resilience } from '../../kernel/resilience/resilience.ts';
import { createLog } from '../../kernel/telemetry/log.ts';
import { Telemetry } from '../../kernel/telemetry/telemetry.ts';
import { continueTrace } from '../../kernel/telemetry/trace-context.ts';
import { EchoService } from '../../kernel/testing/contract/gen/mainstay/testing/v1/echo_pb.js';
import { createDecide } from '../../modules/sys-core/server/decide.ts';
import { Introductions } from '../../modules/sys-core/server/introductions.ts';

const introductions = new Introductions('a secret of the deployment', (process, module) => process === 'caller' && (module === 'mod-caller' || module === 'kernel'));
const guard = {
  authenticate: () => ({ kind: 'anonymous' }),
  decide: createDecide({ rules: [{ role: 'USER', may: ['testing.echoes.*'] }], requires: new Map([['mod-caller', new Set([EchoService.typeName])]]) }),
  introduce: (introduction, to) => introductions.introduce(introduction, to),
  recognise: (said, to) => introductions.recognise(said, to),
} satisfies Guard;

/** A module behind its door: who calls is checked, the guard decides, the contract is checked, calls are counted. */
export async function serve(): Promise<string> {
  const log = createLog({ level: 'silent' });
  const others = Object.fromEntries(EchoService.methods.map(({ localName }) => [localName, () => { throw new Error('not here'); }]));
  const implementation = { ...others, createEcho: async ({ text }: { text: string }) => ({ text }) };
  const registry = new InProcessRegistry().add(EchoService, serveMethods(EchoService, implementation as never, { module: 'mod-callee', log, telemetry: new Telemetry(log), guard: () => guard }));
  const { address } = await servePeers({ host: '127.0.0.1', port: 0, find: (path) => registry.served(path), arrive: (header) => arrive(header, guard, 'callee'), bodyLimitBytes: 1 << 20, log });
  return address;
}

/** Another module, which handles a call of a signed-in account: its deadline, trace and caller go on with each call it makes. */
export async function connect(address: string) {
  const transport = new RemoteTransport({ address, depart: (call, header) => depart(call!, header, { guard, from: 'caller', to: 'callee' }) });
  const client = createClient(EchoService, moduleTransport('mod-caller', new Resilience().around('callee', transport)));
  const trace = continueTrace(undefined);
  const call: Call = {
    principal: { kind: 'account', accountId: crypto.randomUUID(), orgId: 'o', sessionId: crypto.randomUUID(), roles: [{ role: 'USER', orgId: 'o' }] },
    traceId: trace.traceId, trace, requestId: crypto.randomUUID(), clientAddress: '127.0.0.1', deadline: performance.now() + 3_600_000,
  };
  return (text: string) => runInCall(call, async () => (await client.createEcho({ text }, { timeoutMs: 5000 })).text);
}
