import { runCommandLine } from './command-line.ts';

await runCommandLine(process.argv.slice(2));
// A stream that the server refused but left half open would keep this process for minutes.
process.exit();
