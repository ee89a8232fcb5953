import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Health } from '@mainstay/kernel/contract/grpc/health/v1/health_pb.js';
import { ServerReflection } from '@mainstay/kernel/contract/grpc/reflection/v1/reflection_pb.js';
import { ServerReflection as ServerReflectionAlpha } from '@mainstay/kernel/contract/grpc/reflection/v1alpha/reflection_pb.js';
import { KeysService } from '@mainstay/sys-accounts/contract';
import { findMethod } from './find-method.ts';

const services = [Health, ServerReflection, ServerReflectionAlpha];

test('a method is found by its own name, with its service, and by its full name, in any case', () => {
  for (const name of ['Check', 'check', 'Health.Check', 'Health/Check', 'grpc.health.v1.Health/Check', '/grpc.health.v1.Health/Check']) {
    assert.equal(findMethod(services, name), Health.method.check, name);
  }
});

test('a mistyped method gets a suggestion', () => {
  assert.throws(() => findMethod(services, 'Chekc'), /did you mean Check\?/);
});

test('what is nothing like a method gets the list, a line for each service', () => {
  assert.throws(() => findMethod(services, 'FlyToTheMoon'), /these are:\n {2}Health: Check, List, Watch\n {2}ServerReflection: ServerReflectionInfo/);
});

test('a name that several services use is not guessed', () => {
  assert.throws(() => findMethod(services, 'ServerReflectionInfo'), /several methods are named/);
  assert.equal(findMethod(services, 'grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo').parent, ServerReflectionAlpha);
});

test('what only modules may call is told so, and not offered', () => {
  assert.throws(() => findMethod([KeysService], 'ListVerificationKeys'), /KeysService.ListVerificationKeys is for modules alone: no account may call it/);
  assert.throws(() => findMethod([Health, KeysService], 'FlyToTheMoon'), (error: Error) => !error.message.includes('KeysService'));
});
