import { readFileSync } from 'node:fs';

/** The platform's version (semver.org): kernel and modules are released as one. */
export const platformVersion: string = (JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string }).version;
