import { join } from 'node:path';

// The package's own starter costs 0.2 s a call.
const architecture = process.platform === 'linux' && process.arch === 'arm64' ? 'aarch64' : process.arch;

/** The tool for Protocol Buffers, as npm brings it for this platform. */
export const bufProgram = join(import.meta.dirname, '../node_modules/@bufbuild', `buf-${process.platform}-${architecture}`, 'bin/buf');
