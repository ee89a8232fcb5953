import type { Database, DeploymentInfo, Logger, SettingsReader } from '@mainstay/kernel';
import type { Config } from '../config.ts';
import type { Tables } from '../database/tables.ts';
import type { settings } from '../settings.ts';

/** What the module's code is made from. */
export interface EmailNeeds {
  db: Database<Tables>;
  config: Config;
  settings: SettingsReader<typeof settings>;
  deployment: Pick<DeploymentInfo, 'secret' | 'phase' | 'address' | 'name' | 'emails'>;
  log: Logger;
}

/** Whether e-mails stay in the deployment: in development and test nobody may be written to by mistake. */
export const hasMailbox = ({ deployment: { phase } }: Pick<EmailNeeds, 'deployment'>): boolean => phase === 'D' || phase === 'T';

/** Whether there is somewhere to hand e-mails over. */
export const isSetUp = (needs: Pick<EmailNeeds, 'deployment' | 'config'>): boolean => hasMailbox(needs) || needs.config.smtp !== undefined;

/** What the platform is called in e-mails. */
export const platformName = ({ config, deployment }: Pick<EmailNeeds, 'deployment' | 'config'>): string => config.platform ?? deployment.name;

/** Where the deployment is reached by those who read e-mails, without a slash at the end. */
export const publicAddress = ({ config, deployment }: Pick<EmailNeeds, 'deployment' | 'config'>): string => (config.address ?? deployment.address).replace(/\/+$/, '');
