import { test } from 'node:test';
import fc from 'fast-check';
import { isPublicAddress } from './public-address.ts';

const one = (from: number, to: number) => fc.integer({ min: from, max: to });
const byte = one(0, 255);
const dotted = (...parts: (number | fc.Arbitrary<number>)[]): fc.Arbitrary<string> => fc.tuple(...parts.map((part) => (typeof part === 'number' ? fc.constant(part) : part))).map((bytes) => bytes.join('.'));
const group = one(0, 0xffff).map((value) => value.toString(16));
const groups = (count: number) => fc.array(group, { minLength: count, maxLength: count }).map((all) => all.join(':'));
const after = (start: string, count: number) => groups(count).map((rest) => `${start}:${rest}`);
const mapped = (address: string): string[] => {
  const [a, b, c, d] = address.split('.').map(Number) as [number, number, number, number];
  const hex = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  return [`::ffff:${address}`, `::ffff:${hex}`, `64:ff9b::${hex}`, `2002:${hex}::1`, `::${hex}`];
};

const closed4 = fc.oneof(
  dotted(0, byte, byte, byte), dotted(10, byte, byte, byte), dotted(100, one(64, 127), byte, byte), dotted(127, byte, byte, byte), dotted(169, 254, byte, byte), dotted(172, one(16, 31), byte, byte),
  dotted(192, 0, 0, byte), dotted(192, 0, 2, byte), dotted(192, 88, 99, byte), dotted(192, 168, byte, byte), dotted(198, one(18, 19), byte, byte), dotted(198, 51, 100, byte), dotted(203, 0, 113, byte), dotted(one(224, 255), byte, byte, byte),
);
const open4 = fc.oneof(dotted(one(1, 9), byte, byte, byte), dotted(one(11, 99), byte, byte, byte), dotted(100, one(0, 63), byte, byte), dotted(one(128, 168), byte, byte, byte), dotted(172, one(32, 255), byte, byte), dotted(192, one(176, 255), byte, byte), dotted(198, one(20, 50), byte, byte), dotted(one(204, 223), byte, byte, byte));
const closed6 = fc.oneof(
  fc.constantFrom('::', '::1', 'fe80::1%eth0', '2606:4700::1%eth0', '100::1', '5f00::1'), after('fc00', 7), after('fdab', 7), after('fe80', 7), after('febf', 7), after('fec0', 7), after('ff02', 7), after('ff0e', 7),
  after('2001:0', 6), after('2001:db8', 6), after('2002', 7), after('3fff:0', 6), after('64:ff9b:1', 5), after('4000', 7), after('1fff', 7),
);
const open6 = fc.oneof(after('2001:4860', 6), after('2606:4700', 6), after('2a00', 7), after('2400', 7), after('3ffe', 7));

test('no address is public that is private, loopback, link-local, multicast, reserved or documentation, however it is written', () => {
  fc.assert(fc.property(closed4, (address) => !isPublicAddress(address) && mapped(address).every((written) => !isPublicAddress(written))), { numRuns: 2000 });
  fc.assert(fc.property(closed6, (address) => !isPublicAddress(address)), { numRuns: 2000 });
});

test('no address is public that stands for another, whichever that is', () => {
  fc.assert(fc.property(open4, (address) => mapped(address).every((written) => !isPublicAddress(written))), { numRuns: 500 });
});

test('the rest of what was given out is public, and what is no address is not', () => {
  fc.assert(fc.property(open4, (address) => isPublicAddress(address)), { numRuns: 2000 });
  fc.assert(fc.property(open6, (address) => isPublicAddress(address)), { numRuns: 1000 });
  fc.assert(fc.property(fc.oneof(fc.string(), fc.constantFrom('', 'localhost', '1.2.3', '0x7f000001', '2130706433', '127.1', '1.2.3.4.5', ' 8.8.8.8')), (text) => !isPublicAddress(text)));
});
