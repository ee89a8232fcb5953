import { getOption, hasOption, type DescMethod } from '@bufbuild/protobuf';
import type { Module, Role } from '@mainstay/kernel';
import { http } from '@mainstay/kernel/contract/google/api/annotations_pb.js';
import { access, kind, Kind, step_up as stepUp } from '@mainstay/kernel/contract/mainstay/annotations_pb.js';

/** Who calls, by the roles that count for the call; `inProject` counts only where the request names that project. */
const callers: { name: string; roles?: readonly Role[]; inProject?: readonly Role[] }[] = [
  { name: 'anonymous' },
  { name: 'GUEST', roles: ['GUEST'] },
  { name: 'USER', roles: ['GUEST', 'USER'] },
  { name: 'ADMIN', roles: ['GUEST', 'ADMIN'] },
  { name: 'ADMIN of the project', roles: ['GUEST'], inProject: ['GUEST', 'ADMIN'] },
  { name: 'ADMIN of another project', roles: ['GUEST'] },
  { name: 'OPS', roles: ['GUEST', 'OPS'] },
  { name: 'SUPERADMIN', roles: ['GUEST', 'SUPERADMIN'] },
];

const opening = `# Who may call what

Made by \`./mainstay publish\` from the contracts and each module's \`access.ts\`; a test calls every method as every
role and compares.

- \`yes\`: the call is let in. \`no\`: it is refused before its handler runs, whatever it asks for.
- **another org**: what happens to a call that is let in and names things of an org in which the caller is no member.
  \`not found\`: it is told that they do not exist. A dash: the method names nothing of an org. The roles after
  \`any org for\` see and change the things of every org.
- **step up**: who has a second factor must have shown it, and who signed in longer ago than \`stepUpMinutes\` proves again who they are.
- Nobody acts in an org of which they are no member: the header \`mainstay-org\` with another is answered \`not found\`.
- A role in a project counts where the request has the field \`project_id\`, and for that project alone. Everyone who is signed in is
  a GUEST. Everyone is ADMIN of their own personal org.
- Methods without a REST path are for modules that declare the service in \`requires\`, or for streams.
`;

/** The table of \`docs/access.md\`, from what contracts and rules say and nothing else: not from the guard. */
export function accessTable(modules: readonly Module[]): string {
  const heading = ['method', 'REST', 'kind', 'rule', ...callers.map(({ name }) => name), 'another org'];
  const parts = modules.flatMap((module) =>
    (module.services ?? []).map(({ service }) => {
      const rows = service.methods.map((method) => row(method, module, modules));
      return [`## ${service.typeName}`, '', `Served by \`${module.name}\`.`, '', ...[heading, heading.map(() => '---'), ...rows].map((cells) => `| ${cells.join(' | ')} |`), ''].join('\n');
    }),
  );
  return `${[opening, ...parts].join('\n')}`;
}

function row(method: DescMethod, module: Module, modules: readonly Module[]): string[] {
  const { rule } = getOption(method, access);
  const said = rule.case === 'permission' ? `\`${rule.value}\`` : rule.case === 'signedIn' ? 'signed in' : (rule.case ?? 'nobody');
  const proof = getOption(method, stepUp)?.required ? ', step up' : '';
  const hasProject = method.input.fields.some(({ name }) => name === 'project_id');
  const cells = callers.map(({ roles, inProject }) => (mayCall(method, module, modules, hasProject && inProject ? inProject : roles) ? 'yes' : 'no'));
  return [method.name, restOf(method), Kind[getOption(method, kind)], `${said}${proof}`, ...cells, anotherOrg(method, modules)];
}

function mayCall(method: DescMethod, module: Module, modules: readonly Module[], roles: readonly Role[] | undefined): boolean {
  const { rule } = getOption(method, access);
  if (rule.case === 'public') return true;
  if (rule.case === 'signedIn') return roles !== undefined;
  if (rule.case !== 'permission' || !roles) return false;
  if (module.name.startsWith('sys-') && roles.includes('SUPERADMIN')) return true;
  return roles.some((role) => grantsTo(role, rule.value, modules, false));
}

/** Whether a rule of the role names the permission, or everything below a part of it. */
function grantsTo(role: Role, permission: string, modules: readonly Module[], acrossOrgs: boolean): boolean {
  const parts = permission.split('.');
  const patterns = new Set([permission, ...parts.slice(1).map((_, at) => [...parts.slice(0, at + 1), '*'].join('.'))]);
  return modules.some(({ access: rules = [] }) => rules.some((rule) => rule.role === role && (!acrossOrgs || rule.acrossOrgs) && rule.may.some((pattern) => patterns.has(pattern))));
}

function restOf(method: DescMethod): string {
  if (!hasOption(method, http)) return '';
  const { pattern } = getOption(method, http);
  return typeof pattern.value === 'string' ? `\`${pattern.case!.toUpperCase()} ${pattern.value}\`` : '';
}

/** A method names things where its path does. */
function anotherOrg(method: DescMethod, modules: readonly Module[]): string {
  if (!restOf(method).includes('{')) return '—';
  const { rule } = getOption(method, access);
  const everywhere = (['OPS', 'SUPERADMIN'] as const).filter((role) => rule.case === 'permission' && grantsTo(role, rule.value, modules, true));
  return everywhere.length > 0 ? `not found; any org for ${everywhere.join(', ')}` : 'not found';
}
