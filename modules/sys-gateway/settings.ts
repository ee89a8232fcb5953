import type { DescService } from '@bufbuild/protobuf';
import { deploymentWide } from '@mainstay/kernel';
import { nearest } from '@mainstay/kernel/nearest';
import { config } from './config.ts';
import { Networks } from './server/addresses/networks.ts';

const { operatorsAllow, corsOrigins, corsCredentials, limitPerAddress, limitPerAccount, limitPerKey, limitLogin, limitLoopback, switchedOff, timeoutSeconds, calls, bodyLimitKiB } = config.shape;

/** What it takes to take a change back. */
const lifeline = ['sys.core.v1.SettingsService/UpdateSetting', 'sys.core.v1.SettingsService/ResetSetting', 'sys.core.v1.SettingsService/RevertSetting', 'sys.accounts.v1.SessionsService/CreateSession'];

/** Where fewer are let through, an operator would wait for longer than that to take it back. */
const LONGEST_WAIT_SECONDS = 60;

const ofLimit = {
  objection: (limit: { requests: number; seconds: number } | null) =>
    limit && limit.seconds / limit.requests > LONGEST_WAIT_SECONDS ? `it lets one request through in ${Math.round(limit.seconds / limit.requests)} seconds, so that you could hardly change it again` : undefined,
};

const namesIn = (services: readonly DescService[]): string[] => services.flatMap(({ typeName, methods }) => [typeName, ...methods.map(({ name }) => `${typeName}/${name}`)]);

/** What is named may be meant for a module that is off now: who insists has it switched off as soon as it is on. */
function didYouMean(what: string, names: readonly string[]): string {
  const meant = nearest(what, names);
  return meant === undefined ? ', see ./mainstay gateway routes' : `; did you mean ${meant}?`;
}

/** What of the gateway operators change while it runs; the configuration counts until then. */
export const settings = {
  operatorsAllow: deploymentWide(operatorsAllow, {
    objection: (networks, { address }) => (address !== undefined && networks.length > 0 && !new Networks(networks).has(address) ? `your own address, ${address}, is not in it, so that you could not change it again` : undefined),
  }),
  corsOrigins: deploymentWide(corsOrigins),
  corsCredentials: deploymentWide(corsCredentials),
  limitPerAddress: deploymentWide(limitPerAddress, ofLimit),
  limitPerAccount: deploymentWide(limitPerAccount, ofLimit),
  limitPerKey: deploymentWide(limitPerKey, ofLimit),
  limitLogin: deploymentWide(limitLogin, ofLimit),
  limitLoopback: deploymentWide(limitLoopback),
  switchedOff: deploymentWide(switchedOff, {
    objection: (entries, _asker, services) => {
      const names = namesIn(services);
      const unknown = entries.find(({ what }) => !names.includes(what));
      if (unknown) return `no enabled module has the service or method ${unknown.what}${didYouMean(unknown.what, names)}`;
      const cut = lifeline.find((method) => entries.some(({ what }) => what === method || method.startsWith(`${what}/`)));
      return cut && `without ${cut} nobody could switch it on again`;
    },
  }),
  timeoutSeconds: deploymentWide(timeoutSeconds),
  calls: deploymentWide(calls),
  bodyLimitKiB: deploymentWide(bodyLimitKiB),
};
