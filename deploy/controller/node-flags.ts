/** What Node is started with for a process of a deployment: V8's young generation grows to 3 × 32 MB by itself and is never given back, a third of the memory of an idle process. */
export const nodeFlags: readonly string[] = ['--max-semi-space-size=4'];
