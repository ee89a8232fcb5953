import { createInterface } from 'node:readline';
import { text } from 'node:stream/consumers';
import { createRegistry, type DescMessage, type DescMethod, type JsonValue, type MessageShape, toJson } from '@bufbuild/protobuf';
import { createClient, type Transport } from '@connectrpc/connect';
import { OperatorError } from '@mainstay/deploy';
import { codecOf } from '@mainstay/kernel/codec';

type AnyMethod = (request: unknown) => Promise<MessageShape<DescMessage>> | AsyncIterable<MessageShape<DescMessage>>;

/** Calls a method with JSON, `-` for standard input, and gives its answers as JSON. Throws `ConnectError`. */
export async function* callMethod(transport: Transport, method: DescMethod, json: string): AsyncGenerator<JsonValue> {
  const registry = createRegistry(method.parent.file);
  const client = createClient(method.parent, transport) as Record<string, AnyMethod>;
  const read = (source: string) => readMessage(method, source, registry);
  const streams = method.methodKind === 'client_streaming' || method.methodKind === 'bidi_streaming';
  const request = streams ? requests(json, read) : read(json === '-' ? await text(process.stdin) : json);
  const answers = client[method.localName]!(request);
  if (!(Symbol.asyncIterator in answers)) return yield toJson(method.output, await answers, { registry });
  for await (const answer of answers) yield toJson(method.output, answer, { registry });
}

function readMessage(method: DescMethod, source: string, registry: ReturnType<typeof createRegistry>) {
  try {
    return codecOf(method.input).fromJson(JSON.parse(source || '{}') as JsonValue, { registry });
  } catch (error) {
    const { message } = error as Error;
    const allowed = allowedBy(registry, message).join(', ');
    throw new OperatorError(`the request is not a ${method.input.name}: ${message}${allowed ? `; allowed are ${allowed}` : ''}`);
  }
}

/** The names that would have been right where the library met one that it does not know. */
function allowedBy(registry: ReturnType<typeof createRegistry>, message: string): string[] {
  const [, inMessage] = /message (\S+) from JSON: key .* is unknown/.exec(message) ?? [];
  const [, inEnum] = /enum (\S+) from JSON/.exec(message) ?? [];
  if (inMessage) return registry.getMessage(inMessage)?.fields.map(({ jsonName }) => jsonName) ?? [];
  return (inEnum && registry.getEnum(inEnum)?.values.map(({ name }) => name)) || [];
}

async function* requests<T>(json: string, read: (source: string) => T): AsyncGenerator<T> {
  const lines = json === '-' ? createInterface({ input: process.stdin }) : json.split('\n');
  for await (const line of lines) if (line.trim()) yield read(line);
}
