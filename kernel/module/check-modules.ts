import { getOption, hasOption, type DescMethod, type DescService } from '@bufbuild/protobuf';
import { access as accessOption, kind as kindOption, Kind, type Access } from '@mainstay/kernel/contract/mainstay/annotations_pb.js';
import { grants } from '../guard/grants.ts';
import type { GuardFacts } from '../guard/guard.ts';
import { settingProblems } from '../settings/setting-problems.ts';
import type { DeclaredPermission, Module } from './define-module.ts';

const accesses = new WeakMap<DescMethod, Access | undefined>();

/** What the contract says about who may call a method; undefined if it says nothing. */
export function accessOf(method: DescMethod): Access | undefined {
  if (!accesses.has(method)) {
    // Reading an option decodes it anew each time, and this one is asked for on every call.
    const access = hasOption(method, accessOption) ? getOption(method, accessOption) : undefined;
    accesses.set(method, access?.rule.case ? access : undefined);
  }
  return accesses.get(method);
}

const kinds = new WeakMap<DescMethod, Kind>();

/** Whether a method only reads, or writes. */
export function kindOf(method: DescMethod): Kind {
  let kind = kinds.get(method);
  if (kind === undefined) kinds.set(method, (kind = hasOption(method, kindOption) ? getOption(method, kindOption) : Kind.KIND_UNSPECIFIED));
  return kind;
}

/** Everything about a set of modules that would keep them from running together, told by name. */
export function problemsOf(modules: readonly Module[]): string[] {
  return [...duplicateNames(modules), ...servedTwice(modules), ...modules.flatMap(unservable), ...cycles(modules), ...sysRequiresMod(modules), ...ungranted(modules), ...guardProblems(modules), ...gatewayProblems(modules), ...settingProblems(modules), ...modules.flatMap(webhookProblems)];
}

/** What a module requires that none of `modules` serves. */
export function unmetRequirements(module: Module, modules: readonly Module[]): string[] {
  return Object.entries(module.requires as Record<string, DescService>)
    .filter(([, service]) => !ownerOf(service, modules))
    .map(([alias, service]) => `${module.name} requires ${service.typeName} (as "${alias}"), which no enabled module serves; enable the module that does`);
}

/** The modules, each after those that it requires. Call only when `problemsOf` finds none. */
export function inOrderOfNeed(modules: readonly Module[]): Module[] {
  const ordered = new Set<Module>();
  const visit = (module: Module) => {
    for (const needed of neededBy(module, modules)) if (!ordered.has(needed) && needed !== module) visit(needed);
    ordered.add(module);
  };
  modules.forEach(visit);
  return [...ordered];
}

/** What the guard decides by. */
export const guardFacts = (modules: readonly Module[]): GuardFacts => ({
  rules: modules.flatMap((module) => module.access ?? []),
  requires: new Map(modules.map((module) => [module.name, new Set(Object.values(module.requires as Record<string, DescService>).map(({ typeName }) => typeName))])),
});

const servicesOf = (module: Module): DescService[] => (module.services ?? []).map(({ service }) => service);
const ownerOf = (service: DescService, modules: readonly Module[]) => modules.find((module) => servicesOf(module).some(({ typeName }) => typeName === service.typeName));

/** The modules of `modules` whose services a module requires. */
export const neededBy = (module: Module, modules: readonly Module[]) =>
  Object.values(module.requires as Record<string, DescService>).flatMap((service) => ownerOf(service, modules) ?? []);

function duplicateNames(modules: readonly Module[]): string[] {
  const names = modules.map(({ name }) => name);
  return [...new Set(names.filter((name, at) => names.indexOf(name) !== at))].map((name) => `two modules are named ${name}; a name is given once`);
}

function servedTwice(modules: readonly Module[]): string[] {
  const owners = Map.groupBy(modules.flatMap((module) => servicesOf(module).map(({ typeName }) => ({ typeName, name: module.name }))), ({ typeName }) => typeName);
  return [...owners].filter(([, all]) => all.length > 1).map(([typeName, all]) => `${typeName} is served by ${all.map(({ name }) => name).join(' and ')}; only one module may serve it`);
}

function unservable(module: Module): string[] {
  return servicesOf(module).flatMap((service) =>
    service.methods.flatMap((method) => {
      const name = `${service.typeName}.${method.name} of ${module.name}`;
      return [
        ...(accessOf(method) ? [] : [`${name} does not say who may call it; add option (mainstay.access)`]),
        ...(kindOf(method) === Kind.KIND_UNSPECIFIED ? [`${name} does not say whether it is a QUERY or a COMMAND; add option (mainstay.kind)`] : []),
        ...(kindOf(method) === Kind.COMMAND && method.methodKind === 'bidi_streaming' ? [`${name} is a COMMAND and streams both ways, so that it could not be repeated with an idempotency key; let it stream one way`] : []),
      ];
    }),
  );
}

function cycles(modules: readonly Module[]): string[] {
  const found = new Map<string, string>();
  const visit = (module: Module, path: Module[]) => {
    const at = path.indexOf(module);
    if (at >= 0) {
      const circle = path.slice(at).map(({ name }) => name);
      const members = [...circle].sort().join();
      if (!found.has(members)) found.set(members, `modules require each other in a circle: ${[...circle, module.name].join(' → ')}; replace one call by an event`);
      return;
    }
    for (const needed of neededBy(module, modules)) if (needed !== module) visit(needed, [...path, module]);
  };
  for (const module of modules) visit(module, []);
  return [...found.values()];
}

// The platform must work without the products.
function sysRequiresMod(modules: readonly Module[]): string[] {
  const platform = modules.filter(({ name }) => name.startsWith('sys-'));
  return platform.flatMap((module) => neededBy(module, modules).filter(({ name }) => name.startsWith('mod-')).map(({ name }) => `${module.name} requires a service of ${name}; a sys module knows no mod module: let ${name} subscribe to an event or call ${module.name}`));
}

/** The permissions that contracts ask for, by name, and which roles grant them. */
export function permissionsOf(modules: readonly Module[]): DeclaredPermission[] {
  const rules = modules.flatMap((module) => module.access ?? []);
  const asked = modules.flatMap((module) => servicesOf(module).flatMap(({ methods }) => methods.flatMap((method) => {
    const rule = accessOf(method)?.rule;
    return rule?.case === 'permission' ? [[rule.value, module.name] as const] : [];
  })));
  return [...new Map(asked)].sort().map(([name, module]) => ({ name, module, roles: [...new Set(rules.filter(({ may }) => may.some((pattern) => grants(pattern, name))).map(({ role }) => role))] }));
}

function ungranted(modules: readonly Module[]): string[] {
  const rules = modules.flatMap((module) => module.access ?? []);
  return modules.flatMap((module) =>
    servicesOf(module).flatMap((service) =>
      service.methods.flatMap((method) => {
        const rule = accessOf(method)?.rule;
        if (rule?.case !== 'permission' || rules.some(({ may }) => may.some((pattern) => grants(pattern, rule.value)))) return [];
        return [`${service.typeName}.${method.name} needs the permission "${rule.value}", which no role grants; grant it in ${module.name}/access.ts`];
      }),
    ),
  );
}

// A shard finds out by the org whether a webhook is for it.
function webhookProblems({ name, shardBy, webhooks = [] }: Module): string[] {
  const placeless = shardBy === 'org' ? webhooks.filter(({ org }) => org === undefined) : [];
  return placeless.map((each) => `the webhook ${each.name} of ${name} does not say which org it is about; add org, since ${name} can be split by org`);
}

function guardProblems(modules: readonly Module[]): string[] {
  const guards = modules.filter((module) => module.guard);
  if (guards.length === 1) return [];
  return [guards.length === 0 ? 'no enabled module provides the guard that decides who may call what; enable sys-core' : `${guards.map(({ name }) => name).join(' and ')} both provide the guard; enable one of them`];
}

function gatewayProblems(modules: readonly Module[]): string[] {
  const gateways = modules.filter((module) => module.gateway);
  return gateways.length > 1 ? [`${gateways.map(({ name }) => name).join(' and ')} both provide the gateway; enable one of them`] : [];
}
