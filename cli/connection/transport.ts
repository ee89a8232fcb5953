import { Code, ConnectError, type Interceptor, type Transport } from '@connectrpc/connect';
import { createGrpcTransport } from '@connectrpc/connect-node';
import type { GlobalOptions } from '../global-options.ts';
import { findDeployment, type Reachable } from './find-deployment.ts';
import { accessToken, forget } from './sessions.ts';

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
    // The session was ended, or the deployment was made anew. A stream cannot be sent twice.
    if (request.stream || ConnectError.from(error).code !== Code.Unauthenticated) throw error;
    forget(deployment, email);
    return attempt();
  }
};
