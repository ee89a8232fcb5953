import { getOption } from '@bufbuild/protobuf';
import type { Client } from '@connectrpc/connect';
import type { AccessRequest, DeploymentInfo, Guard, GuardFacts } from '@mainstay/kernel';
import { kind, Kind } from '@mainstay/kernel/contract/mainstay/annotations_pb.js';
import { StandingService, type KeysService } from '@mainstay/sys-accounts/contract';
import type { JWK } from 'jose';
import type { Config } from '../config.ts';
import { authenticate, renewed } from './authenticate.ts';
import { createDecide } from './decide.ts';
import { OpenStreams } from './open-streams.ts';
import { StandingQuestions } from './standing-questions.ts';
import { Standings } from './standings.ts';
import { createTokenVerifier } from './token-verifier.ts';

interface Needs {
  config: Config;
  deployment: Pick<DeploymentInfo, 'address'>;
  keys: Client<typeof KeysService>;
  standing: Client<typeof StandingService>;
}

/** The one place where authentication and authorization are decided. */
export function createGuard({ config, deployment, keys, standing }: Needs, facts: GuardFacts): Guard {
  const standings = new Standings(new StandingQuestions(standing), config.standingCacheMilliseconds);
  const verifyToken = createTokenVerifier({
    issuer: deployment.address,
    audience: config.audience ?? deployment.address,
    readKeys: async () => (await keys.listVerificationKeys({})).keys.map(({ keyId, publicJwk }) => ({ ...(JSON.parse(publicJwk) as JWK), kid: keyId, alg: 'ES256' })),
  });
  const decide = createDecide(facts);
  const streams = new OpenStreams({ renewed, decide });
  const ended = (changed: ReadonlySet<string>) => {
    if (changed.size === 0) return;
    standings.changed(changed);
    streams.changed(changed);
  };
  return {
    authenticate: (header) => authenticate(header, { standings, verifyToken }),
    decide(request) {
      const decision = decide(request);
      return decision.allowed && changesStandings(request) ? { ...decision, ended } : decision;
    },
    onLoss: (request, lost) => streams.add(request, lost),
  };
}

/** Whether a call may end a session, lock an account or change a role: any command of the accounts' package. */
function changesStandings({ method }: AccessRequest): boolean {
  return method.parent.file.proto.package === StandingService.file.proto.package && getOption(method, kind) === Kind.COMMAND;
}
