import { spawn, spawnSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePorts } from '@mainstay/deploy/free-port';
import { until } from '@mainstay/testing';

const program = '/usr/sbin/apache2';
const modules = '/usr/lib/apache2/modules';

/** Why Apache with mod_auth_openidc can not be asked here, if so. */
export const withoutApache: string | false = spawnSync('test', ['-x', program, '-a', '-e', `${modules}/mod_auth_openidc.so`]).status === 0 ? false : 'needs the engine libapache2-mod-auth-openidc';

/** A web server whose folder `/private` only those see who log in at the issuer; it tells their address in the header `x-email`. */
export async function startApache(issuer: string, newClient: (redirectUri: string) => Promise<{ id: string; secret: string }>) {
  const folder = mkdtempSync(join(tmpdir(), 'mainstay-apache-'));
  const [port] = await freePorts('127.0.0.1', 1);
  const address = `http://localhost:${port}`;
  const { id, secret } = await newClient(`${address}/private/back`);
  mkdirSync(join(folder, 'pages/private'), { recursive: true });
  writeFileSync(join(folder, 'pages/private/index.html'), 'for members\n');
  chmodSync(folder, 0o755);
  const load = (name: string) => `LoadModule ${name}_module ${modules}/mod_${name}.so`;
  writeFileSync(join(folder, 'apache.conf'), `
ServerRoot ${folder}
ServerName localhost
PidFile ${folder}/apache.pid
ErrorLog ${folder}/error.log
Listen 127.0.0.1:${port}
${['mpm_event', 'authn_core', 'authz_core', 'authz_user', 'dir', 'headers', 'auth_openidc'].map(load).join('\n')}
${process.getuid!() === 0 ? 'User www-data\nGroup www-data' : ''}
DocumentRoot ${folder}/pages
DirectoryIndex index.html
OIDCProviderMetadataURL ${issuer}/.well-known/openid-configuration
OIDCClientID ${id}
OIDCClientSecret ${secret}
OIDCRedirectURI ${address}/private/back
OIDCCryptoPassphrase ${crypto.randomUUID()}
OIDCScope "openid email"
OIDCPKCEMethod S256
OIDCCookieSameSite On
<Location /private>
  AuthType openid-connect
  Require valid-user
  Header set x-email "%{OIDC_CLAIM_email}e"
</Location>
`);
  const server = spawn(program, ['-f', join(folder, 'apache.conf'), '-DFOREGROUND'], { stdio: ['ignore', 'inherit', 'inherit'] });
  await until(() => fetch(address).then(() => true, () => false), 'Apache answers');
  return {
    address,
    async stop() {
      const ended = new Promise((resolve) => server.once('exit', resolve));
      server.kill('SIGTERM');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
