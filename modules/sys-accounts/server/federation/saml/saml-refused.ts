import { ProviderFailed } from '../departure.ts';

/** Why a message of a provider is not taken: what an administrator does about it. The person reads less. */
const reasons = {
  UNREADABLE: ['samlUnreadable', 'it is no SAML 2.0 message as the bindings have it, or is too large; look at what the provider sends'],
  NOT_BEGUN_HERE: ['samlNotBegunHere', 'it belongs to no login that was begun here and still waits: logins begin here, and those that begin at the provider (IdP-initiated) are not taken'],
  TAKEN_ALREADY: ['samlNotBegunHere', 'its assertion was taken before: somebody sent it again'],
  NOT_SIGNED: ['samlUnproven', 'it is signed by none of the certificates of the provider, or was changed on its way; enter the certificate that it signs with now'],
  CERTIFICATE_OUT_OF_DATE: ['samlUnproven', 'it is signed by a certificate that is out of date; have the provider sign with another, and enter that'],
  WEAK_ALGORITHM: ['samlUnproven', 'it uses an algorithm that is not taken; have the provider sign with RSA-SHA256 (or SHA512), and encrypt with AES-GCM and RSA-OAEP'],
  NOT_ENCRYPTED: ['samlUnproven', 'its assertion is not encrypted, and the settings demand that'],
  NOT_DECRYPTED: ['samlUnproven', 'its assertion can not be decrypted; have the provider read the metadata again'],
  WRONG_ISSUER: ['samlMisdirected', 'another entity id than that of the settings issued it'],
  WRONG_DESTINATION: ['samlMisdirected', 'it is meant for another address; enter the ACS and logout addresses of the metadata at the provider'],
  WRONG_AUDIENCE: ['samlMisdirected', 'it is meant for another service; enter the entity id of the metadata at the provider'],
  WRONG_REQUEST: ['samlMisdirected', 'it answers another request than the one that was sent'],
  OUT_OF_TIME: ['samlOutOfTime', 'it is not good yet, or no more; set the clocks of both sides by NTP'],
  NOT_FRESH: ['samlOutOfTime', 'the person was to prove anew who they are, and the provider did not ask them; have it heed ForceAuthn'],
  NO_SUBJECT: ['samlUnreadable', 'it does not say who the person is: have the provider release a name id that is not transient, or the attribute that the settings name'],
  DECLINED: ['samlDeclined', 'the provider refused; its own log says why'],
} as const;

/** Why a message of a provider is not taken. */
export type SamlReason = keyof typeof reasons;

/** A message of a provider is not taken. The message says what an administrator does, and holds nothing personal. */
export class SamlRefused extends ProviderFailed {
  override name = 'SamlRefused';
  readonly reason: SamlReason;

  constructor(reason: SamlReason, detail = '') {
    super(detail === '' ? reasons[reason][1] : `${reasons[reason][1]} (${detail})`);
    this.reason = reason;
  }

  /** What the page says of it: a key of the words. */
  get says(): (typeof reasons)[SamlReason][0] {
    return reasons[this.reason][0];
  }
}
