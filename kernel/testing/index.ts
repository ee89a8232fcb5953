export { testDatabase } from './postgres.ts';
export { createLog } from '../telemetry/log.ts';
