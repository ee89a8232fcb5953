import { getOption, type DescMethod, type DescService } from '@bufbuild/protobuf';
import { OperatorError } from '@mainstay/deploy';
import { access } from '@mainstay/kernel/contract/mainstay/annotations_pb.js';
import { nearest } from '@mainstay/kernel/nearest';

/** The method of this name: its own, with its service's before it, or the full one; in any case of letters. */
export function findMethod(services: readonly DescService[], name: string): DescMethod {
  const all = services.flatMap(({ methods }) => methods);
  const wanted = name.toLowerCase().replace(/^\//, '').replace('/', '.');
  const found = all.filter((method) => names(method).some((known) => known.toLowerCase() === wanted));
  if (found.length > 1) throw new OperatorError(`several methods are named ${name}: ${found.map((method) => names(method)[1]).join(', ')}`);
  const [method] = found;
  if (method && isForModules(method)) throw new OperatorError(`${names(method)[1]} is for modules alone: no account may call it`);
  return method ?? notFound(services, name, wanted);
}

function notFound(services: readonly DescService[], name: string, wanted: string): never {
  const methods = services.flatMap(forAccounts);
  const similar = methods.filter((method) => method.name.toLowerCase().includes(wanted)).map((method) => method.name);
  const close = similar.length > 0 ? similar.join(' or ') : nearest(name, methods.map((method) => (name.includes('.') ? names(method)[1]! : method.name)));
  throw new OperatorError(`there is no method ${name}; ${close ? `did you mean ${close}?` : `these are:\n${listed(services)}`}`);
}

/** A line for each service. */
const listed = (services: readonly DescService[]): string =>
  services.filter((service) => forAccounts(service).length > 0).map((service) => `  ${service.name}: ${forAccounts(service).map((method) => method.name).sort().join(', ')}`).sort().join('\n');

const forAccounts = ({ methods }: DescService): DescMethod[] => methods.filter((method) => !isForModules(method));

const isForModules = (method: DescMethod): boolean => getOption(method, access).rule.case === 'internal';

const names = ({ name, parent }: DescMethod): string[] => [name, `${parent.name}.${name}`, `${parent.typeName}.${name}`];
