import { getOption, hasOption, type DescMethod } from '@bufbuild/protobuf';
import { http } from '@mainstay/kernel/contract/google/api/annotations_pb.js';
import fc, { type Arbitrary } from 'fast-check';
import { anyTree, type Known, type Tree } from './any-tree.ts';
import { anyHeaders } from './hostile-headers.ts';

export const wires = ['rest', 'connect-json', 'connect-proto', 'grpc-web', 'grpc'] as const;
export type Wire = (typeof wires)[number];

/** What is done to a request after it was written. */
export const damages = ['cut', 'insert', 'twice', 'proto', 'mark', 'tail', 'packed', 'not packed', 'empty', 'flags', 'length', 'percent', 'dots', 'slashes', 'long', 'verb', 'query', 'doubled'] as const;
export type Damage = (typeof damages)[number];

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

export interface FuzzOptions {
  methods: readonly DescMethod[];
  callers: readonly string[];
  orgs: readonly string[];
  known: Known;
  /** How often a method comes, beside others with 10. */
  weightOf?: (method: DescMethod) => number;
}

export const fullName = ({ parent, name }: DescMethod): string => `${parent.typeName}/${name}`;

/** Requests of every method, on every wire that carries it. */
export function anyCase({ methods, callers, orgs, known, weightOf = () => 10 }: FuzzOptions): Arbitrary<FuzzCase> {
  const headers = fc.oneof({ weight: 6, arbitrary: fc.constant({}) }, { weight: 1, arbitrary: anyHeaders(orgs) });
  const damage = fc.oneof({ weight: 8, arbitrary: fc.constant(undefined) }, { weight: 1, arbitrary: fc.record({ kind: fc.constantFrom(...damages), place: fc.nat({ max: 999 }) }) });
  const caller = fc.constantFrom(...callers);
  const ofMethods = methods.map((method) =>
    fc.tuple(fc.constantFrom(...wiresOf(method)), caller, anyTree(method.input, known), headers, damage).map(([wire, by, tree, sent, harm]): FuzzCase => ({ method: fullName(method), wire, caller: by, tree, headers: sent, ...(harm && { damage: harm }) })),
  );
  return fc.oneof(...ofMethods.map((arbitrary, at) => ({ arbitrary, weight: weightOf(methods[at]!) })));
}

function wiresOf(method: DescMethod): Wire[] {
  const ofRpc: Wire[] = method.methodKind === 'bidi_streaming' ? ['grpc'] : ['connect-json', 'connect-json', 'connect-proto', 'connect-proto', 'grpc-web', 'grpc'];
  return hasOption(method, http) && getOption(method, http).pattern.case ? ['rest', 'rest', 'rest', 'rest', ...ofRpc] : ofRpc;
}
