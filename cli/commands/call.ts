import type { Module } from '@mainstay/kernel';
import type { Command } from 'commander';
import { globalOptions } from '../global-options.ts';

export default (command: Command) => command
  .description('Call a method of the running deployment. Prints its answer as JSON, a stream as one line a message.')
  .argument('<method>', 'such as ListPromises, PromisesService.ListPromises or mod.promist.v1.PromisesService/ListPromises')
  .argument('[json]', 'the request; "-" reads it from standard input, for a stream of requests one a line', '{}')
  .addHelpText('after', '\nExample: ./mainstay call ListPromises \'{"pageSize": 10}\'')
  .action(async (name: string, json: string) => {
    const [{ findMethod }, { callMethod }, { connect }] = await Promise.all([import('../connection/find-method.ts'), import('../connection/call-method.ts'), import('../connection/transport.ts')]);
    const { modules } = await import('@mainstay/main/modules');
    const services = (modules as readonly Module[]).flatMap((module) => (module.services ?? []).map(({ service }) => service));
    const method = findMethod(services, name);
    const one = method.methodKind === 'unary' || method.methodKind === 'client_streaming';
    for await (const answer of callMethod(connect(globalOptions(command)), method, json)) {
      process.stdout.write(`${JSON.stringify(answer, null, one ? 2 : 0)}\n`);
    }
  });
