import { deploymentWide } from '@mainstay/kernel';
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
    objection: (entries) => {
      const cut = lifeline.find((method) => entries.some(({ what }) => what === method || method.startsWith(`${what}/`)));
      return cut && `without ${cut} nobody could switch it on again`;
    },
  }),
  timeoutSeconds: deploymentWide(timeoutSeconds),
  calls: deploymentWide(calls),
  bodyLimitKiB: deploymentWide(bodyLimitKiB),
};
