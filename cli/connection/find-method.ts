import type { DescMethod, DescService } from '@bufbuild/protobuf';
import { OperatorError } from '@mainstay/deploy';
import { nearest } from '../terminal/nearest.ts';

/** The method of this name: its own, with its service's before it, or the full one; in any case of letters. */
export function findMethod(services: readonly DescService[], name: string): DescMethod {
  const methods = services.flatMap(({ methods }) => methods);
  const wanted = name.toLowerCase().replace(/^\//, '').replace('/', '.');
  const found = methods.filter((method) => names(method).some((known) => known.toLowerCase() === wanted));
  if (found.length === 1) return found[0]!;
  if (found.length > 1) throw new OperatorError(`several methods are named ${name}: ${found.map((method) => names(method)[1]).join(', ')}`);
  const similar = methods.filter((method) => method.name.toLowerCase().includes(wanted)).map((method) => method.name);
  const close = similar.length > 0 ? similar.join(' or ') : nearest(name, methods.map((method) => (name.includes('.') ? names(method)[1]! : method.name)));
  throw new OperatorError(`there is no method ${name}; ${close ? `did you mean ${close}?` : `these are:\n${listed(services)}`}`);
}

/** A line for each service. */
const listed = (services: readonly DescService[]): string =>
  services.map(({ name, methods }) => `  ${name}: ${methods.map((method) => method.name).sort().join(', ')}`).sort().join('\n');

const names = ({ name, parent }: DescMethod): string[] => [name, `${parent.name}.${name}`, `${parent.typeName}.${name}`];
