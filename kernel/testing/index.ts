export { testS3Server } from './s3-server.ts';
export { testDatabase } from './postgres.ts';
export { createLog } from '../telemetry/log.ts';
