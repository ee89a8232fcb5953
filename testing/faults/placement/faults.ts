import type { Fault } from './under-faults.ts';

/** A process ends from one moment to the next. */
export const killed = (instance: string): Fault => ({ name: `kill -9 of ${instance}`, happen: (deployment) => deployment.strike(instance, 'SIGKILL') });

/** A process stands still: it takes connections and never answers. */
export const halted = (instance: string): Fault => ({ name: `${instance} stands still`, happen: (deployment) => deployment.strike(instance, 'SIGSTOP') });

/** Nothing passes any more on connections between processes, and nobody is told. */
export const halfOpen: Fault = { name: 'half-open connections', happen: async (deployment) => deployment.freeze() };

/** The database ends as in a power failure. */
export const postgresKilled: Fault = { name: 'kill -9 of PostgreSQL', happen: (deployment) => deployment.strikePostgres() };

/** All processes give their places to new ones, one after the other: nobody may notice. */
export const rollingRestart: Fault = { name: 'rolling restart', happen: (deployment) => deployment.restartAll(), unnoticed: true };

/** A machine that is busy with other tests takes its time; in milliseconds. */
export const patience = 200_000;
