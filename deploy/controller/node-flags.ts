/**
 * What Node is started with for a process of a deployment. V8's young generation grows to 3 × 32 MB by itself and is not
 * given back while a process idles; bounded too narrowly, it is collected too often (docs/benchmarks/startup.md).
 */
export const nodeFlags: readonly string[] = ['--max-semi-space-size=16'];
