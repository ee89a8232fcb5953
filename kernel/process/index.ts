export { runProcess, type DeploymentSummary, type Go, type Report, type RunOptions } from './run-process.ts';
export { startProcess, type ProcessOptions, type RunningProcess } from './start-process.ts';
export { createClient } from '../placement/create-client.ts';
