import { getOption, hasOption, type DescMethod } from '@bufbuild/protobuf';
import { access } from '@mainstay/kernel/contract/mainstay/annotations_pb.js';
import type { AccessRule } from '@mainstay/kernel';

/** Whether operators alone may call a method: its permission is granted to no other role. */
export function operatorsOnly(method: DescMethod, rules: readonly AccessRule[]): boolean {
  const rule = hasOption(method, access) ? getOption(method, access).rule : undefined;
  if (rule?.case !== 'permission') return false;
  return !rules.some(({ role, may }) => role !== 'OPS' && role !== 'SUPERADMIN' && may.some((pattern) => covers(pattern, rule.value)));
}

const covers = (pattern: string, permission: string): boolean => pattern === permission || (pattern.endsWith('.*') && permission.startsWith(pattern.slice(0, -1)));

/** Whether a method, or its service, is among these names. */
export const isNamed = ({ name, parent }: DescMethod, names: readonly string[]): boolean => names.some((each) => each === parent.typeName || each === `${parent.typeName}/${name}`);

/** The page of which module a path shows, if it shows one. */
export const pageModule = (path: string): string | undefined => (path.startsWith('/apps/') ? path.split('/', 3)[2] : undefined);

/** The pages of the platform are its operators'. */
export const isOperatorsPage = (path: string): boolean => pageModule(path)?.startsWith('sys-') ?? false;
