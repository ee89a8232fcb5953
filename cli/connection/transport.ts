import { Code, ConnectError, type Interceptor, type Transport } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import { OperatorError } from '@mainstay/deploy';
import { reasonOf } from '@mainstay/kernel';
import type { GlobalOptions } from '../global-options.ts';
import { findDeployment, type Reachable } from './find-deployment.ts';
import { accessToken, forget, signsInByItself } from './sessions.ts';

/** A gRPC connection to the running deployment, signed in as the account to act as. */
export function connect(options: GlobalOptions): Transport {
  const deployment = findDeployment(options.deployment);
  return createGrpcTransport({ baseUrl: deployment.address, interceptors: [signedIn(deployment, options.as)] });
}

const signedIn = (deployment: Reachable, email?: string): Interceptor => (next) => async (request) => {
  const attempt = async () => {
    const token = await accessToken(deployment, email);
    if (token) request.header.set('authorization', `Bearer ${token}`);
    return next(request);
  };
  try {
    return await attempt();
  } catch (error) {
    const { code } = ConnectError.from(error);
    if (code === Code.Unimplemented) throw new OperatorError(`${deployment.name} does not serve ${request.service.typeName}; enable the module that does in ${deployment.file}`);
    // What the server itself says has a reason.
    if (code === Code.Unavailable && reasonOf(error) === undefined) throw new OperatorError(`${deployment.name} does not answer at ${deployment.address}; look with ./mainstay status`);
    if (reasonOf(error) === 'sys-core.STEP_UP_REQUIRED' && !signsInByItself(deployment, email)) throw new OperatorError(`this is dangerous, so prove again who you are: ./mainstay login${email ? ` ${email}` : ''}, then repeat it`);
    // The session was ended, or the deployment was made anew. A stream cannot be sent twice.
    if (request.stream || code !== Code.Unauthenticated) throw error;
    forget(deployment, email);
    return attempt();
  }
};
