import type { DeploymentInfo } from '@mainstay/kernel';
import { tokenOf, type LinkPurpose } from '../email-tokens.ts';

/** The address of a page of `client/`. */
export const pageOf = ({ address }: Pick<DeploymentInfo, 'address'>, page: string): string => `${address}/apps/sys-accounts/${page}.html`;

/** A link to the page that is named like its purpose. The token stands behind the #, so it reaches no log of a server. */
export const linkFor = (deployment: DeploymentInfo, purpose: LinkPurpose, id: string): string => `${pageOf(deployment, purpose)}#${tokenOf(deployment, purpose, id)}`;

/** A time as a person reads it. */
export function timeText(time: Date, { language, timeZone }: { language: string; timeZone: string }): string {
  return new Intl.DateTimeFormat(language, { dateStyle: 'long', timeStyle: 'short', timeZone }).format(time);
}
