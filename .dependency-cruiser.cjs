// main → modules → kernel; modules meet only at contracts. `./mainstay test` checks it.

const test = '[.]test[.]ts$';
const workspace = '^(kernel|main|cli|deploy|testing|(?:modules|examples|web)/[^/]+)/';
const ownModule = '^((?:modules|examples)/[^/]+)/';

/** @type {import('dependency-cruiser').IConfiguration} */
module.exports = {
  forbidden: [
    {
      name: 'kernel-knows-no-module',
      comment: 'The kernel is what modules stand on; let the module tell the kernel through its declaration.',
      severity: 'error',
      from: { path: '^kernel/' },
      to: { path: '^(modules|examples|main|cli|deploy|testing|bench|web)/' },
    },
    {
      name: 'modules-meet-at-contracts',
      comment: "Call another module through its contract (`requires`); only a client may use another's widgets.",
      severity: 'error',
      from: { path: ownModule },
      to: { path: '^(modules|examples)/', pathNot: ['^$1/', '^(modules|examples)/[^/]+/contract/', '^(modules|examples)/[^/]+/client/widgets/'] },
    },
    {
      name: 'widgets-are-for-clients',
      comment: 'Only the client of a module may use the widgets of another.',
      severity: 'error',
      from: { path: ownModule, pathNot: '^(modules|examples)/[^/]+/client/' },
      to: { path: '^(modules|examples)/[^/]+/client/widgets/', pathNot: '^$1/' },
    },
    {
      name: 'modules-stand-on-the-kernel-alone',
      comment: 'A module knows neither who starts it nor who calls it. Its tests, and what they are made of, may start a whole process.',
      severity: 'error',
      from: { path: ownModule, pathNot: [test, '^(modules|examples)/[^/]+/testing/'] },
      to: { path: '^(main|cli|deploy|testing|bench|tools)/' },
    },
    {
      name: 'sys-knows-no-mod',
      comment: 'The platform must work without the product: no sys-* module may use a mod-* module, not even its contract.',
      severity: 'error',
      from: { path: '^modules/sys-' },
      to: { path: '^modules/mod-' },
    },
    {
      name: 'contract-stands-alone',
      comment: "A contract rests on the kernel's contract and on protobuf, and on nothing that runs.",
      severity: 'error',
      from: { path: '^(kernel(?:/testing)?|(?:modules|examples)/[^/]+)/contract/' },
      to: { couldNotResolve: false, pathNot: ['^$1/contract/', '^kernel/contract/', '(^|/)node_modules/@bufbuild/(protobuf|protovalidate)/'] },
    },
    {
      name: 'client-never-meets-server',
      comment: 'The client talks to its server through the contract. Types may cross.',
      severity: 'error',
      from: { path: '^(modules|examples|web)/[^/]+/client/' },
      to: { path: '^(modules|examples)/[^/]+/(server|database|commands)/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'server-never-meets-client',
      comment: 'The server does not know who shows its data. Types may cross.',
      severity: 'error',
      from: { path: '^(modules|examples)/[^/]+/(server|database|commands)/' },
      to: { path: '^((modules|examples)/[^/]+/client|web)/', dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'server-does-not-draw',
      comment: 'Drawing belongs to clients: no user-interface library outside of client/ and web/.',
      severity: 'error',
      from: { path: '^(kernel|main|cli|deploy|(?:modules|examples)/[^/]+/(?:[^/]+$|contract/|server/|database/|commands/))' },
      to: { path: ['(^|/)node_modules/(react|react-dom|@mantine|@tanstack)/', '^(react|react-dom|@mantine|@tanstack)(/|$)', '^web/'] },
    },
    {
      name: 'only-through-exports',
      comment: 'Import another package by its name, so that its `exports` decide what may be used.',
      severity: 'error',
      from: { path: workspace },
      to: { path: workspace, pathNot: '^$1/', dependencyTypes: ['local'] },
    },
    {
      name: 'product-does-not-test',
      comment: 'What runs for customers does not use what only tests need.',
      severity: 'error',
      from: { path: '^(kernel|main|cli|deploy|modules|examples)/', pathNot: [test, '^kernel/testing/', '/testing/'] },
      to: { path: ['^kernel/testing/', '^deploy/testing/', '^testing/', test, '(^|/)node_modules/fast-check/'] },
    },
    {
      name: 'no-circles',
      comment: 'Two files that need each other are one file, or three.',
      severity: 'error',
      from: {},
      to: { circular: true },
    },
    {
      name: 'imports-resolve',
      comment: 'An import that cannot be resolved cannot be checked either. What the peers of benchmarks need is installed when they run.',
      severity: 'error',
      from: { pathNot: '^bench/peers/' },
      to: { couldNotResolve: true },
    },
  ],
  options: {
    doNotFollow: { path: ['node_modules', '/gen/'] },
    tsPreCompilationDeps: true,
    detectJSDocImports: false,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'], extensions: ['.ts', '.tsx', '.js', '.json'] },
  },
};
