import type { DescService } from '@bufbuild/protobuf';
import type { ModuleState } from '../module/define-module.ts';
import type { Deployment } from '../module/deployment.ts';

/** The state of every module of a process, as `status`, `/readyz` and gRPC health show it. */
export class ModuleStates {
  readonly #states = new Map<string, ModuleState>();

  constructor(modules: Deployment['modules']) {
    for (const { module } of modules) {
      this.#states.set(module.name, {
        name: module.name,
        state: 'starting',
        since: new Date(),
        services: (module.services ?? []).map(({ service }) => service.typeName),
        requires: Object.values(module.requires as Record<string, DescService>).map(({ typeName }) => typeName),
      });
    }
  }

  all(): ModuleState[] {
    return [...this.#states.values()].map((state) => ({ ...state }));
  }

  /** Why a module does not run, if it is quarantined. */
  problemOf(module: string): string | undefined {
    return this.#states.get(module)?.problem;
  }

  setRunning(module: string): void {
    this.#set(module, { state: 'running' });
  }

  quarantine(module: string, problem: string): void {
    this.#set(module, { state: 'quarantined', problem });
  }

  #set(module: string, change: Partial<ModuleState>): void {
    this.#states.set(module, { ...this.#states.get(module)!, since: new Date(), ...change });
  }
}
