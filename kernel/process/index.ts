export { runProcess, type AreYouThere, type DeploymentSummary, type Go, type Report, type RunOptions } from './run-process.ts';
export type { Ports } from './ports.ts';
export type { ProcessOptions } from './process-options.ts';
export { startProcess, type RunningProcess } from './start-process.ts';
export { createClient } from '../placement/create-client.ts';
