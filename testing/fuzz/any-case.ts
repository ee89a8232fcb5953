import { getOption, hasOption, type DescMethod } from '@bufbuild/protobuf';
import { http } from '@mainstay/kernel/contract/google/api/annotations_pb.js';
import fc, { type Arbitrary } from 'fast-check';
import { anyTree, anyWrongs, withWrongs, type Known, type Tree } from './any-tree.ts';
import { anyHeaders } from './hostile-headers.ts';

export const wires = ['rest', 'connect-json', 'connect-proto', 'grpc-web', 'grpc', 'socket'] as const;
export type Wire = (typeof wires)[number];

/** What is done to a request after it was written. */
export const damages = ['cut', 'insert', 'twice', 'proto', 'mark', 'tail', 'packed', 'not packed', 'empty', 'flags', 'length', 'percent', 'dots', 'slashes', 'long', 'verb', 'query', 'doubled'] as const;
/** What is done to the frames of a call on a WebSocket. */
export const frameDamages = ['cut', 'insert', 'twice', 'proto', 'mark', 'tail', 'packed', 'empty', 'binary', 'split', 'large', 'id', 'no id', 'call', 'no call', 'headers', 'message', 'end', 'early', 'late', 'same id', 'cancel', 'ended twice', 'strange'] as const;
export type Damage = (typeof damages)[number] | (typeof frameDamages)[number];

/** One request, as a failure shows it. */
export interface FuzzCase {
  /** The full name of the method, such as `mod.promist.v1.PromisesService/GetPromise`. */
  method: string;
  wire: Wire;
  /** Who calls: the name of one of the callers, or nothing. */
  caller: string;
  tree: Tree;
  headers: Record<string, string>;
  damage?: { kind: Damage; place: number };
}

/** What somebody may well ask, with parts that belong together. */
export interface Example {
  caller: string;
  tree: Tree;
}

export interface FuzzOptions {
  methods: readonly DescMethod[];
  callers: readonly string[];
  orgs: readonly string[];
  known: Known;
  /** Requests, by the name of the method, for those that hardly any other request fits. */
  examples?: Readonly<Record<string, Arbitrary<Example>>>;
  /** How often a method comes, beside others with 10. */
  weightOf?: (method: DescMethod) => number;
}

export const fullName = ({ parent, name }: DescMethod): string => `${parent.typeName}/${name}`;

/** Requests of every method, on every wire that carries it. */
export function anyCase(options: FuzzOptions): Arbitrary<FuzzCase> {
  const { methods, orgs, weightOf = () => 10 } = options;
  const headers = fc.oneof({ weight: 6, arbitrary: fc.constant({}) }, { weight: 1, arbitrary: anyHeaders(orgs) });
  const harm = { socket: anyDamage(frameDamages), other: anyDamage(damages) };
  const ofMethods = methods.map((method) =>
    fc.tuple(fc.constantFrom(...wiresOf(method)), anyRequest(method, options), headers, harm.socket, harm.other).map(([wire, { caller, tree }, sent, ofSocket, ofOther]): FuzzCase => {
      const damage = wire === 'socket' ? ofSocket : ofOther;
      return { method: fullName(method), wire, caller, tree, headers: sent, ...(damage && { damage }) };
    }),
  );
  return fc.oneof(...ofMethods.map((arbitrary, at) => ({ arbitrary, weight: weightOf(methods[at]!) })));
}

const anyDamage = (kinds: readonly Damage[]) => fc.oneof({ weight: 8, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom(...kinds), place: fc.nat({ max: 999 }) }) });

function anyRequest({ name, input }: DescMethod, { callers, known, examples = {} }: FuzzOptions): Arbitrary<Example> {
  const any = fc.record({ caller: fc.constantFrom(...callers), tree: anyTree(input, known) });
  const example = examples[name];
  const strange = fc.oneof({ weight: 5, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.constantFrom(...callers) });
  const near = example && fc.tuple(example, strange).map(([{ caller, tree }, other]) => ({ caller: other ?? caller, tree }));
  return fc.tuple(near ? fc.oneof({ weight: 1, arbitrary: any }, { weight: 2, arbitrary: near }) : any, anyWrongs(input)).map(([{ caller, tree }, wrongs]) => ({ caller, tree: withWrongs(tree, wrongs) }));
}

function wiresOf(method: DescMethod): Wire[] {
  const ofRpc: Wire[] = method.methodKind === 'bidi_streaming' ? ['grpc', 'socket'] : ['connect-json', 'connect-json', 'connect-proto', 'connect-proto', 'grpc-web', 'grpc', 'socket', 'socket'];
  // What speaks a protocol of others by HTTP refuses in its own words, and there anything may be sent to it.
  return hasOption(method, http) && getOption(method, http).pattern.case && method.input.typeName !== 'mainstay.WebRequest' ? ['rest', 'rest', 'rest', 'rest', ...ofRpc] : ofRpc;
}
