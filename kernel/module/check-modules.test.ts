import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DescService } from '@bufbuild/protobuf';
import { Health } from '@mainstay/kernel/contract/grpc/health/v1/health_pb.js';
import { z } from 'zod';
import { defineAccess } from '../guard/guard.ts';
import { EchoService } from '../testing/contract/gen/mainstay/testing/v1/echo_pb.js';
import { LedgerService } from '../testing/contract/gen/mainstay/testing/v1/ledger_pb.js';
import { LibraryService } from '../testing/contract/gen/mainstay/testing/v1/library_pb.js';
import { inOrderOfNeed, problemsOf, unmetRequirements } from './check-modules.ts';
import { defineModule, type Module } from './define-module.ts';

interface Sketch {
  serves?: DescService[];
  requires?: Record<string, DescService>;
  guard?: boolean;
}

const everything = defineAccess([{ role: 'USER', may: ['testing.*'] }]);

function sketch(name: Module['name'], { serves = [], requires = {}, guard = false }: Sketch = {}): Module {
  return defineModule({
    name,
    requires,
    config: z.object({}),
    access: everything,
    services: serves.map((service) => ({ service, implement: () => ({}) })),
    ...(guard && { guard: () => ({ authenticate: async () => ({ kind: 'anonymous' as const }), decide: () => ({ allowed: true as const }) }) }),
  });
}

const core = sketch('sys-core', { guard: true });

test('modules that fit together have no problems, and start after what they need', () => {
  const reader = sketch('mod-reader', { requires: { library: LibraryService } });
  const library = sketch('mod-library', { serves: [LibraryService] });
  assert.deepEqual(problemsOf([reader, library, core]), []);
  assert.deepEqual(inOrderOfNeed([reader, library, core]).map(({ name }) => name), ['mod-library', 'mod-reader', 'sys-core']);
});

test('a module of the platform that requires a product is told by name', () => {
  const platform = sketch('sys-platform', { requires: { books: LibraryService } });
  assert.deepEqual(problemsOf([platform, sketch('mod-library', { serves: [LibraryService] }), core]), [
    'sys-platform requires a service of mod-library; a sys module knows no mod module: let mod-library subscribe to an event or call sys-platform',
  ]);
});

test('a service that nobody serves is told by name', () => {
  const reader = sketch('mod-reader', { requires: { books: LibraryService } });
  assert.deepEqual(unmetRequirements(reader, [reader, core]), [
    'mod-reader requires mainstay.testing.v1.LibraryService (as "books"), which no enabled module serves; enable the module that does',
  ]);
});

test('a circle of needs is told by name', () => {
  const a = sketch('mod-a', { serves: [EchoService], requires: { b: LibraryService } });
  const b = sketch('mod-b', { serves: [LibraryService], requires: { a: EchoService } });
  assert.deepEqual(problemsOf([a, b, core]), ['modules require each other in a circle: mod-a → mod-b → mod-a; replace one call by an event']);
});

test('a command that streams both ways is told by name', () => {
  const { writeLines } = LedgerService.method;
  const bothWays = { ...LedgerService, methods: [{ ...writeLines, methodKind: 'bidi_streaming' }] } as unknown as DescService;
  assert.deepEqual(problemsOf([sketch('mod-ledger', { serves: [bothWays] }), core]), [
    'mainstay.testing.v1.LedgerService.WriteLines of mod-ledger is a COMMAND and streams both ways, so that it could not be repeated with an idempotency key; let it stream one way',
  ]);
});

test('two modules that serve one service are told by name', () => {
  assert.deepEqual(problemsOf([sketch('mod-a', { serves: [EchoService] }), sketch('mod-b', { serves: [EchoService] }), core]), [
    'mainstay.testing.v1.EchoService is served by mod-a and mod-b; only one module may serve it',
  ]);
});

test('two modules of one name are refused', () => {
  assert.deepEqual(problemsOf([sketch('mod-a'), sketch('mod-a'), core]), ['two modules are named mod-a; a name is given once']);
});

test('a method that says neither who may call it nor whether it writes stops the start', () => {
  const problems = problemsOf([sketch('mod-health', { serves: [Health] }), core]);
  assert.ok(problems.includes('grpc.health.v1.Health.Check of mod-health does not say who may call it; add option (mainstay.access)'));
  assert.ok(problems.includes('grpc.health.v1.Health.Check of mod-health does not say whether it is a QUERY or a COMMAND; add option (mainstay.kind)'));
});

test('a permission that no role grants is told by name', () => {
  const library = { ...sketch('mod-library', { serves: [EchoService] }), access: [] };
  const coreWithoutRules = { ...core, access: [] };
  assert.deepEqual(problemsOf([library, coreWithoutRules]), [
    'mainstay.testing.v1.EchoService.CreateEcho needs the permission "testing.echoes.create", which no role grants; grant it in mod-library/access.ts',
  ]);
});

test('exactly one module provides the guard', () => {
  assert.match(problemsOf([sketch('mod-a')])[0]!, /no enabled module provides the guard.*enable sys-core/);
  assert.match(problemsOf([core, sketch('sys-other', { guard: true })])[0]!, /sys-core and sys-other both provide the guard/);
});
