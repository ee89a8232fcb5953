import type { Deployment } from '../module/deployment.ts';

/** The ports of a process; 0 is any free one. */
export interface Ports {
  http: number;
  /** Of the operators' address, unless there is none. */
  operators?: number;
}

/** The ports that a deployment asks for: operators get the one after the public one if nothing else is said. */
export function wantedPorts({ http, operators }: Pick<Deployment, 'http' | 'operators'>): Ports {
  if (!operators) return { http: http.port };
  const beside = http.port === 0 ? 0 : http.port < 65535 ? http.port + 1 : http.port - 1;
  return { http: http.port, operators: operators.port ?? beside };
}

/** Moves a deployment to another public port. The one after it may be another deployment's, so operators get any free one, unless the file names theirs. */
export function movedTo(deployment: Deployment, port: number): Deployment {
  const { http, operators } = deployment;
  return { ...deployment, http: { ...http, port }, ...(operators && { operators: { ...operators, port: operators.port ?? 0 } }) };
}

/** The deployment with these ports wherever it takes any free one. */
export function withChosenPorts(deployment: Deployment, chosen: Partial<Ports>): Deployment {
  const wanted = wantedPorts(deployment);
  const { http, operators } = deployment;
  return {
    ...deployment,
    http: { ...http, port: wanted.http || (chosen.http ?? 0) },
    ...(operators && { operators: { ...operators, port: wanted.operators || (chosen.operators ?? 0) } }),
  };
}

/** The deployment with another port for operators, if it has one for them at all. */
export const withOperatorsPort = (deployment: Deployment, port: number): Deployment => ({ ...deployment, ...(deployment.operators && { operators: { ...deployment.operators, port } }) });
