import { fileURLToPath } from 'node:url';
import type { CpuProfile, ProfileNode } from './cpu-profile.ts';
import { type Stage, stageOf } from './stages.ts';

/** A function as it was called from one place: in how many samples it was found, innermost and altogether. */
export interface Call {
  /** `function · file`. */
  name: string;
  stage: Stage;
  self: number;
  total: number;
  called: Map<string, Call>;
}

/** Joins the samples of a profile to the tree of who called what, without those in which nothing ran. */
export function callTree({ nodes, samples }: CpuProfile): Call {
  // Not their distances in time: whoever is innermost when the system takes the processor away would have to answer for it.
  const seen = new Map<number, number>();
  for (const id of samples) seen.set(id, (seen.get(id) ?? 0) + 1);
  const byId = new Map(nodes.map((node) => [node.id, node]));
  const root: Call = { name: 'all', stage: 'other', self: 0, total: 0, called: new Map() };
  const add = (node: ProfileNode, into: Call) => {
    for (const child of (node.children ?? []).map((id) => byId.get(id)!)) {
      const { functionName, url } = child.callFrame;
      if (functionName === '(idle)') continue;
      const call = called(into, nameOf(functionName, url), stageOf(functionName, url, into.stage));
      call.self += seen.get(child.id) ?? 0;
      add(child, call);
    }
  };
  add(nodes[0]!, root);
  sum(root);
  return root;
}

/** Samples of each stage: those whose innermost frame belongs to it. */
export function byStage({ stage, self, called: children }: Call, into = new Map<Stage, number>()): Map<Stage, number> {
  into.set(stage, (into.get(stage) ?? 0) + self);
  for (const child of children.values()) byStage(child, into);
  return into;
}

function called(by: Call, name: string, stage: Stage): Call {
  let call = by.called.get(name);
  if (!call) by.called.set(name, (call = { name, stage, self: 0, total: 0, called: new Map() }));
  return call;
}

function sum(call: Call): number {
  call.total = call.self + [...call.called.values()].reduce((all, child) => all + sum(child), 0);
  return call.total;
}

function nameOf(functionName: string, url: string): string {
  const name = functionName || '(anonymous)';
  return url === '' ? name : `${name} · ${shortened(url)}`;
}

/** A package's file by the package's name, ours by its folder in the project. */
function shortened(url: string): string {
  if (!url.startsWith('file:')) return url;
  const path = fileURLToPath(url);
  const inPackage = path.split('/node_modules/').at(-1)!;
  return inPackage === path ? path.slice(project.length) : inPackage;
}

const project = fileURLToPath(new URL('../../', import.meta.url));
