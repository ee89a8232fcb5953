import { getOption } from '@bufbuild/protobuf';
import type { Client } from '@connectrpc/connect';
import type { AccessRequest, DeploymentInfo, Guard, GuardFacts } from '@mainstay/kernel';
import { kind, Kind } from '@mainstay/kernel/contract/mainstay/annotations_pb.js';
import { StandingService, type KeysService } from '@mainstay/sys-accounts/contract';
import type { JWK } from 'jose';
import type { Config } from '../config.ts';
import { authenticate, renewed } from './authenticate.ts';
import { createDecide } from './decide.ts';
import { createDemandProof } from './demand-proof.ts';
import { ProofsOfPossession } from './dpop.ts';
import { Introductions } from './introductions.ts';
import { OpenStreams } from './open-streams.ts';
import { refuseActing } from './refuse-acting.ts';
import { StandingQuestions } from './standing-questions.ts';
import { Standings } from './standings.ts';
import { createTokenVerifier } from './token-verifier.ts';

interface Needs {
  config: Config;
  deployment: Pick<DeploymentInfo, 'address' | 'secret'>;
  keys: Client<typeof KeysService>;
  standing: Client<typeof StandingService>;
}

/** The one place where authentication and authorization are decided. */
export function createGuard({ config, deployment, keys, standing }: Needs, facts: GuardFacts): Guard {
  const standings = new Standings(new StandingQuestions(standing), config.standingCacheMilliseconds);
  const verifyToken = createTokenVerifier({
    issuer: deployment.address,
    audience: audiencesOf(config.audience, deployment.address),
    readKeys: async () => (await keys.listVerificationKeys({})).keys.map(({ keyId, publicJwk }) => ({ ...(JSON.parse(publicJwk) as JWK), kid: keyId, alg: 'ES256' })),
  });
  const proofs = new ProofsOfPossession([deployment.address, ...audiencesOf(config.audience, deployment.address)]);
  const mayCall = createDecide(facts);
  const demandProof = createDemandProof({ stepUpMinutes: config.stepUpMinutes, rules: facts.rules });
  const decide = (request: AccessRequest) => {
    const decision = mayCall(request);
    return decision.allowed ? (refuseActing(request) ?? demandProof(request) ?? decision) : decision;
  };
  const streams = new OpenStreams({ renewed, decide });
  const introductions = new Introductions(deployment.secret, facts.speaksFor ?? (() => false));
  const changed = (ids: ReadonlySet<string>) => {
    if (ids.size === 0) return;
    standings.changed(ids);
    streams.changed(ids);
  };
  return {
    authenticate: (header, target) => authenticate(header, { standings, verifyToken, proofs }, target),
    decide(request) {
      const decision = decide(request);
      return decision.allowed && changesStandings(request) ? { ...decision, ended: changed } : decision;
    },
    onLoss: (request, lost) => streams.add(request, lost),
    changed,
    introduce: (introduction, to) => introductions.introduce(introduction, to),
    recognise: (said, to) => introductions.recognise(said, to),
  };
}

/** Whether a call may end a session, lock an account or change a role: any command of the accounts' package. */
function changesStandings({ method }: AccessRequest): boolean {
  return method.parent.file.proto.package === StandingService.file.proto.package && getOption(method, kind) === Kind.COMMAND;
}

/** The addresses of which a token must be good for one. */
function audiencesOf(configured: Config['audience'], address: string): readonly string[] {
  const listed = [configured].flat();
  return listed.length > 0 ? listed : [address];
}
