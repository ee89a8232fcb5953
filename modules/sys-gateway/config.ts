import { callSettings } from '@mainstay/kernel';
import { z } from 'zod';
import { isNetwork } from './server/addresses/networks.ts';
import { isOriginPattern } from './server/cors/origins.ts';

const network = z.string().max(64).refine(isNetwork, 'must be an address or a network in CIDR notation, such as 192.0.2.0/24 or 2001:db8::/32');
const limit = z.strictObject({ requests: z.int().min(1).max(100_000_000), seconds: z.int().min(1).max(86_400) });
const hostName = z.string().max(253).regex(/^[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*$/, 'must be a host name in small letters');
const methodName = z.string().max(300).regex(/^\w+(\.\w+)+(\/\w+)?$/, 'must be the full name of a service, such as mod.promist.v1.PromisesService, or of a method: the same with /CreatePromise');

export const config = z.strictObject({
  tls: z
    .strictObject({
      host: z.string().min(1).max(253).default('localhost').describe('The interface to listen on.'),
      port: z.int().min(0).max(65_535).default(4443).describe('The port, beside the plain one of http. 0 takes any free one.'),
      certificate: z.string().min(1).max(4096).describe('The file of the certificate, with those that lead to its root, in PEM. A wildcard serves all domains. It is read again when it changes.'),
      key: z.string().min(1).max(4096).describe('The file of its key, in PEM.'),
      redirect: z.boolean().default(false).describe('Send what comes to the plain port, except by the name localhost, to this one.'),
      hstsDays: z.int().min(0).max(3650).default(365).describe('For how long browsers may come by TLS alone (RFC 6797), in days; 0 says nothing.'),
    })
    .optional()
    .describe('Encrypted connections; without it there is the plain port alone.'),
  domains: z.array(hostName).max(20).default([]).describe('Serve operators at sys-main.DOMAIN and users at mod-main.DOMAIN, for each of these; without any, everybody at whatever name.'),
  localhost: z.boolean().optional().describe('Where there are domains: serve everything to this machine by the name localhost, too; only in D and T if absent. The command line needs it.'),
  operatorsOnly: z.array(methodName).max(200).default([]).describe('Services and methods that are for operators alone, beside those that only they may call.'),
  loginMethods: z.array(methodName).max(50).default(['sys.accounts.v1.SessionsService/CreateSession', 'sys.accounts.v1.AccountsService/RegisterAccount']).describe('What the limit of logins counts for.'),
  trustedProxies: z.array(network).max(100).default([]).describe('Proxies in front, whose word about the address of a client is taken.'),
  forwardedHeader: z.enum(['x-forwarded-for', 'forwarded']).default('x-forwarded-for').describe('Where those proxies say it; the other header counts for nothing.'),
  operatorsAllow: z.array(network).max(1000).default([]).describe('The addresses from which operators are let in: their whole domain, or without domains what only they may call; any if empty.'),
  corsOrigins: z.array(z.string().max(300).refine(isOriginPattern, 'must be an origin, such as https://app.example.com, or those of all subdomains: https://*.example.com')).max(200).default([]).describe('Pages of these origins may call the API from a browser.'),
  corsCredentials: z.boolean().default(true).describe('Those pages may send credentials that the browser keeps.'),
  limitPerAddress: limit.nullable().default({ requests: 12_000, seconds: 60 }).describe('Requests from one address (of IPv6, from one /64), or null for any number.'),
  limitPerAccount: limit.nullable().default({ requests: 6000, seconds: 60 }).describe('Calls of one account, or null for any number.'),
  limitPerKey: limit.nullable().default({ requests: 6000, seconds: 60 }).describe('Calls with one API key, or null for any number.'),
  limitLogin: limit.nullable().default({ requests: 60, seconds: 60 }).describe('Logins and registrations from one address, or null for any number.'),
  limitLoopback: z.boolean().default(false).describe('Whether these limits count for requests from this machine itself.'),
  switchedOff: z.array(z.strictObject({ what: methodName, reason: z.string().min(1).max(200) })).max(200).default([]).describe('Services and methods that answer 503 with the reason.'),
  timeoutSeconds: z.strictObject({ query: z.int().min(1).max(3600).nullable().default(null), command: z.int().min(1).max(3600).nullable().default(null), stream: z.int().min(1).max(3600).nullable().default(null) }).prefault({}).describe('How long calls may take at most, by kind, whatever their callers would wait; null for any time.'),
  calls: callSettings.nullable().default(null).describe('How processes with a gateway call others, for whoever asks there: timeouts, repeats and circuit breaker; as the section calls of the deployment file says if null. That section holds for every other process, and can not be changed while it runs.'),
  bodyLimitKiB: z.int().min(1).max(1024).default(1024).describe('The largest request that carries no file, in KiB.'),
});
export type Config = z.infer<typeof config>;
