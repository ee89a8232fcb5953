import { X509Certificate } from 'node:crypto';
import { create, fromJson, toJson, type JsonObject } from '@bufbuild/protobuf';
import { isPublicAddress, literalAddress, withViolations, type FieldViolation } from '@mainstay/kernel';
import { OAuth2SettingsSchema, OidcSettingsSchema, SamlSettingsSchema, type IdentityProvider } from '../../contract/index.ts';
import { errors } from '../../errors.ts';
import type { Needs } from '../needs.ts';
import type { ProviderRow } from './external-proof.ts';

type Settings = IdentityProvider['settings'];
type Chosen = Exclude<Settings, { case: undefined }>;

/** How a provider is spoken to, as its row keeps it; without its secret. */
export function settingsOf({ kind, settings, sealed_secret }: Pick<ProviderRow, 'kind' | 'settings' | 'sealed_secret'>): Chosen {
  const hasClientSecret = sealed_secret !== null;
  if (kind === 'OIDC') return { case: 'oidc', value: { ...fromJson(OidcSettingsSchema, settings), hasClientSecret } };
  if (kind === 'OAUTH2') return { case: 'oauth2', value: { ...fromJson(OAuth2SettingsSchema, settings), hasClientSecret } };
  return { case: 'saml', value: fromJson(SamlSettingsSchema, settings) };
}

/** What is kept of settings, and the secret beside them. */
export function keptSettings(settings: Chosen): { kind: ProviderRow['kind']; settings: JsonObject; secret: string } {
  if (settings.case === 'saml') return { kind: 'SAML', settings: toJson(SamlSettingsSchema, settings.value) as JsonObject, secret: '' };
  const { clientSecret: secret } = settings.value;
  if (settings.case === 'oidc') return { kind: 'OIDC', settings: toJson(OidcSettingsSchema, create(OidcSettingsSchema, { ...settings.value, clientSecret: '', hasClientSecret: false })) as JsonObject, secret };
  return { kind: 'OAUTH2', settings: toJson(OAuth2SettingsSchema, create(OAuth2SettingsSchema, { ...settings.value, clientSecret: '', hasClientSecret: false })) as JsonObject, secret };
}

/** Whom a provider speaks for: what it calls people means something there alone. */
export function speaksFor(settings: Settings): string {
  if (settings.case === 'oidc') return settings.value.issuer;
  if (settings.case === 'saml') return settings.value.entityId;
  return settings.case === 'oauth2' ? settings.value.userinfoEndpoint : '';
}

/** Where a provider is shown its secret: who sends it elsewhere has to know it. */
export const showsSecretAt = (settings: Settings): string => (settings.case === 'oauth2' ? settings.value.tokenEndpoint : speaksFor(settings));

/** Whether providers must be on the public internet, and whether they must have https. */
export const providerRules = ({ config, deployment: { phase } }: Pick<Needs, 'config' | 'deployment'>): { isPublic: boolean; isHttps: boolean } => {
  const isHttps = phase === 'A' || phase === 'P';
  return { isPublic: isHttps && !config.innerIdentityProviders, isHttps };
};

/** Checks what an administrator entered. Throws `IDENTITY_PROVIDER_UNFIT` with every field that is wrong. */
export function requireSettings(needs: Pick<Needs, 'config' | 'deployment'>, settings: Settings): Chosen {
  const problems = settings.case === undefined ? [{ field: 'identity_provider', description: 'say how it is spoken to: oidc, oauth2 or saml', reason: 'identity_provider.settings' }] : problemsOf(needs, settings);
  if (problems.length > 0) throw withViolations(errors.IDENTITY_PROVIDER_UNFIT({ problem: problems.map(({ description }) => description).join('; ') }), problems);
  return settings as Chosen;
}

function problemsOf(needs: Pick<Needs, 'config' | 'deployment'>, { case: kind, value }: Chosen): FieldViolation[] {
  const rules = providerRules(needs);
  const problems: FieldViolation[] = [];
  const explain = (field: string, description: string | undefined) => {
    if (description !== undefined) problems.push({ field: `identity_provider.${kind}.${field}`, description: `${field} ${description}`, reason: `identity_provider.${field}` });
  };
  for (const [field, text] of addressesIn({ case: kind, value } as Chosen)) if (text !== '') explain(field, addressProblem(text, rules));
  if (kind === 'oidc' && /[?#]/.test(value.issuer)) explain('issuer', 'has a part behind ? or #: it is the bare address');
  if (kind === 'saml') for (const certificate of value.certificates) explain('certificates', isCertificate(certificate) ? undefined : 'has one that is no X.509 certificate of an RSA key, in PEM');
  return problems;
}

function addressesIn({ case: kind, value }: Chosen): [string, string][] {
  if (kind === 'oidc') return [['issuer', value.issuer]];
  if (kind === 'saml') return [['sign_in_url', value.signInUrl], ['logout_url', value.logoutUrl]];
  return [['authorization_endpoint', value.authorizationEndpoint], ['token_endpoint', value.tokenEndpoint], ['userinfo_endpoint', value.userinfoEndpoint]];
}

function addressProblem(text: string, { isPublic, isHttps }: ReturnType<typeof providerRules>): string | undefined {
  const url = URL.parse(text);
  if (!url) return 'is no absolute address, such as https://login.example.org';
  if (url.protocol !== 'https:' && (isHttps || url.protocol !== 'http:')) return 'must begin with https://';
  if (url.username || url.password) return 'holds a user or a password';
  if (url.hash) return 'has a part behind #';
  const literal = literalAddress(url);
  return isPublic && literal && !isPublicAddress(literal) ? 'is no address of the public internet' : undefined;
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).publicKey.asymmetricKeyType === 'rsa';
  } catch {
    return false;
  }
}
