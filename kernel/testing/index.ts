export { asAdministrator, testDatabase, type TestDatabase } from './postgres.ts';
export { testS3Server } from './s3-server.ts';
export { createLog } from '../telemetry/log.ts';
export { ClerkService, LedgerService } from './contract/gen/mainstay/testing/v1/ledger_pb.js';
export { parseScrape, type Scrape } from '../telemetry/testing/parse-scrape.ts';
