import { existsSync, globSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import type { z } from 'zod';
import type { Module } from '../module/define-module.ts';
import { readYaml } from '../module/read-yaml.ts';
import { StartError } from '../module/start-error.ts';
import type { Instance, Placement } from './placement.ts';
import { longestDatabaseName, placementFile, type PlacementLine } from './placement-file.ts';

const folder = join(import.meta.dirname, '../../deploy/placements');

/** A process of a placement with the modules that it runs. */
interface Process<M extends Named = Module> {
  name: string;
  line: PlacementLine;
  modules: M[];
  /** Its key in the file. */
  key: string;
}

interface Named {
  name: string;
}

type Lines = Record<string, PlacementLine | null>;
type Report = (path: string[], message: string) => void;

/** The path of a placement file, given as a path or by the name of one in `deploy/placements/`. */
export function findPlacementFile(wanted: string): string {
  const file = /[/.]/.test(wanted) ? resolve(wanted) : join(folder, `${wanted}.yaml`);
  if (existsSync(file)) return file;
  throw new StartError([`there is no placement "${wanted}"; give the path of a placement file, or one of these names: ${placementNames().join(', ')}`]);
}

/** The names of the files in `deploy/placements/`. */
export const placementNames = (): string[] => globSync('*.yaml', { cwd: folder }).map((found) => basename(found, '.yaml')).sort();

/**
 * Reads a placement file, by its path or its name in `deploy/placements/`, and divides the enabled `modules` among its
 * processes. A module of the `build` that is not enabled may be named all the same. Throws a `StartError` that names file,
 * line and what to do.
 */
export function readPlacement(nameOrFile: string, modules: readonly Module[], build: readonly Module[] = modules): Placement {
  const file = findPlacementFile(nameOrFile);
  const { processes } = readYaml(file, placementFile.superRefine(({ processes }, context) => check(processes, modules, build, context)));
  return { name: basename(file, '.yaml'), instances: divide(processes, modules).flatMap(instancesOf) };
}

/** What a placement file makes of modules of these names; whether they may be divided so, `readPlacement` checks in each process. */
export function outlinePlacement(nameOrFile: string, modules: readonly string[]): Placement {
  const file = findPlacementFile(nameOrFile);
  const { processes } = readYaml(file, placementFile);
  return { name: basename(file, '.yaml'), instances: divide(processes, modules.map((name) => ({ name }))).flatMap(instancesOf) };
}

function check(lines: Lines, modules: readonly Module[], build: readonly Module[], context: z.RefinementCtx): void {
  const report: Report = (path, message) => context.addIssue({ code: 'custom', path: ['processes', ...path], message });
  checkPatterns(lines, build, report);
  const processes = divide(lines, modules);
  const placed = new Set(processes.flatMap((process) => process.modules));
  for (const { name } of modules.filter((module) => !placed.has(module))) report([], `no process runs ${name}; name it in one, or add a line "*" for all that remain`);
  processes.forEach((process) => checkShards(process, report));
  checkInstances(processes, modules, report);
}

function checkPatterns(lines: Lines, build: readonly Module[], report: Report): void {
  const takers = new Map<string, string>();
  for (const [key, line] of Object.entries(lines)) {
    if (key === '*' && line?.modules) report([key, 'modules'], 'the line "*" takes each module that no other does; take "modules" away, or give the process a name');
    if (key !== '*' && !line?.modules) report([key], 'it names no modules; add modules: [NAME, …]');
    if (key !== '*' && line?.database === '*') report([key, 'database'], `"*" is for the line "*" alone; name the database, such as ${key}`);
    for (const pattern of (key === '*' ? [] : line?.modules) ?? []) {
      if (takers.has(pattern)) report([key, 'modules'], `${pattern} is in ${takers.get(pattern)} already; a module runs in one process`);
      takers.set(pattern, key);
      if (!pattern.endsWith('*') && !build.some(({ name }) => name === pattern)) report([key, 'modules'], `there is no module ${pattern}; there are ${build.map(({ name }) => name).join(', ')}`);
    }
  }
}

/** Which process takes each module: the one with its name, else the one with the longest pattern, else one of its own by the line "*". */
function divide<M extends Named>(lines: Lines, modules: readonly M[]): Process<M>[] {
  const named = Object.entries(lines).filter(([key]) => key !== '*').map(([key, line]): Process<M> => ({ name: key, key, line: line ?? {}, modules: [] }));
  const own: Process<M>[] = [];
  for (const module of modules) {
    const fitting = named.map((process) => ({ process, fit: Math.max(...(process.line.modules ?? []).map((pattern) => fitOf(pattern, module.name)), -1) })).filter(({ fit }) => fit >= 0);
    const [best] = fitting.sort((one, other) => other.fit - one.fit);
    if (best) best.process.modules.push(module);
    else if ('*' in lines) own.push({ name: module.name, key: '*', line: lines['*'] ?? {}, modules: [module] });
  }
  return [...named.filter((process) => process.modules.length > 0), ...own];
}

/** How exactly a pattern names a module; -1 if it does not. */
function fitOf(pattern: string, name: string): number {
  if (pattern === name) return Infinity;
  return pattern.endsWith('*') && name.startsWith(pattern.slice(0, -1)) ? pattern.length - 1 : -1;
}

function checkShards({ key, line, modules }: Process, report: Report): void {
  if (line.shards === undefined) return;
  for (const { name } of modules.filter(({ shardBy }) => shardBy !== 'org')) report([key, 'shards'], `${name} can not be divided into shards, because it does not declare shardBy: 'org'; give it a process of its own`);
  if (!line.database) report([key, 'shards'], 'each shard needs a database of its own; add database: NAME');
}

function checkInstances(processes: Process[], modules: readonly Module[], report: Report): void {
  const instances = processes.flatMap((process) => instancesOf(process).map((instance) => ({ ...instance, key: process.key })));
  const names = new Map<string, string>();
  const databases = new Map<string, { process: string; sharded: boolean }>();
  for (const { key, name, process, database, shard } of instances) {
    if (names.has(name)) report([key], `two processes would be named ${name}; choose another name for one`);
    names.set(name, process);
    const other = databases.get(database);
    if (database && other && other.process !== process && (shard || other.sharded)) report([key, 'database'], `${process} and ${other.process} would share the database ${database}, and one of them is divided into shards; choose another name for one`);
    databases.set(database, { process, sharded: shard !== undefined });
    if (database.length > longestDatabaseName + '_255'.length) report([key, 'database'], `the database of ${process} would have a name of more than ${longestDatabaseName} characters; name it in a line of its own`);
  }
  if (instances.length > 1 && !modules.some(providesGateway)) report([], 'several processes need a module that is the door to them all; enable sys-gateway in the deployment file, or take the placement one-process');
}

/** Whether a module is the door to all processes of a deployment. */
export const providesGateway = (module: Module): boolean => (module as { gateway?: unknown }).gateway !== undefined;

function instancesOf({ name: process, line, modules }: Process<Named>): Instance[] {
  const { shards, replicas = 1 } = line;
  const database = (line.database === '*' ? process : (line.database ?? '')).replaceAll('-', '_');
  const shardIndices = shards === undefined ? [undefined] : Array.from({ length: shards }, (_, index) => index);
  const replicaIndices = replicas === 1 ? [undefined] : Array.from({ length: replicas }, (_, index) => index);
  return shardIndices.flatMap((shard) => replicaIndices.map((replica): Instance => ({
    name: [process, shard, replica].filter((part) => part !== undefined).join('-'),
    process,
    modules: modules.map(({ name }) => name),
    database: shard === undefined ? database : `${database}_${shard}`,
    ...(shard !== undefined && { shard: { index: shard, count: shards! } }),
    ...(replica !== undefined && { replica: { index: replica, count: replicas } }),
  })));
}
