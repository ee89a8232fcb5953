import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createRegistry, fromBinary, fromJson, toBinary, toJsonString, type DescMessage, type JsonValue } from '@bufbuild/protobuf';
import { createValidator } from '@bufbuild/protovalidate';
import fc from 'fast-check';
import type { Module } from '@mainstay/kernel';
import { anyMessage, checkOf, codecOf, EchoService, LibraryService, unfitValues, validateMessage } from '@mainstay/kernel/testing';
import { modules } from '@mainstay/main/modules';

const services = [EchoService, LibraryService, ...(modules as readonly Module[]).flatMap(({ services = [] }) => services).map(({ service }) => service)];
const requests = [...new Set(services.flatMap(({ methods }) => methods.map(({ input }) => input)))];
const messages = [...new Set(services.flatMap(({ methods }) => methods.flatMap(({ input, output }) => [input, output])))];
const registry = createRegistry(...services.map(({ file }) => file));

type Outcome = { value: unknown } | { error: string };
const outcome = (work: () => unknown): Outcome => {
  try {
    return { value: work() };
  } catch (error) {
    return { error: (error as Error).message };
  }
};

test('every message of every contract is coded as by the library', () => {
  for (const desc of messages) {
    const codec = codecOf(desc);
    fc.assert(fc.property(anyMessage(desc), fc.boolean(), (message, alwaysEmitImplicit) => {
      const bytes = toBinary(desc, message);
      assert.deepStrictEqual(codec.toBinary(message), bytes);
      assert.deepStrictEqual(codec.fromBinary(bytes), fromBinary(desc, bytes));
      const options = { registry, alwaysEmitImplicit };
      const text = outcome(() => toJsonString(desc, message, options));
      assert.deepStrictEqual(outcome(() => codec.toJsonText(message, options)), text);
      if (!('value' in text)) return;
      const json = JSON.parse(text.value as string) as JsonValue;
      assert.deepStrictEqual(codec.fromJson(json, { registry }), fromJson(desc, json, { registry }));
    }), { numRuns: 25 });
  }
});

test('what the compiled check lets through is valid, storable and canonical', () => {
  const validator = createValidator();
  const passed = new Map<DescMessage, number>();
  for (const desc of requests) {
    fc.assert(fc.property(anyMessage(desc), (message) => {
      if (!checkOf(desc).check(message)) return;
      passed.set(desc, (passed.get(desc) ?? 0) + 1);
      const result = validator.validate(desc, message);
      assert.equal(result.kind, 'valid', String(result.error));
      assert.deepEqual(unfitValues(desc, message), []);
      assert.ok(!JSON.stringify(message, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)).includes('\\u0000'));
      const before = toBinary(desc, message);
      validateMessage(desc, message);
      assert.deepStrictEqual(toBinary(desc, message), before);
    }), { numRuns: 150 });
  }
  const never = requests.filter((desc) => !passed.has(desc)).map(({ typeName }) => typeName);
  assert.ok(never.length < requests.length / 3, `the check lets none of these through: ${never.join(', ')}`);
});
