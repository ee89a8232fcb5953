import { createPrivateKey } from 'node:crypto';
import type { createTransport } from 'nodemailer';
import type { Config } from '../../config.ts';
import type { ComposedMessage } from './compose-message.ts';

/** Hands messages over. */
export interface SmtpTransport {
  /** Resolves when the server has taken the message. */
  send(message: ComposedMessage): Promise<void>;
  close(): void;
}

// What RFC 8058 wants to be signed is not all among what is signed by default.
const signedHeaders = 'From:To:Subject:Date:Message-ID:MIME-Version:Content-Type:Content-Transfer-Encoding:Content-Language:Auto-Submitted:List-Unsubscribe:List-Unsubscribe-Post';

/** Opens the way to the configured mail server: kept connections, signed messages. Throws where what is configured can not work. */
export function openSmtp({ smtp, smtpPassword, dkim, dkimKey }: Config): SmtpTransport {
  const { host, port, security, ca, user, connections, timeoutSeconds } = smtp!;
  if (user !== undefined && smtpPassword === undefined) throw new Error('sys-email has smtp.user and no password: set the environment variable SYS_EMAIL_SMTP_PASSWORD');
  const milliseconds = timeoutSeconds * 1000;
  const options = {
    pool: true as const,
    host,
    port,
    secure: security === 'tls',
    requireTLS: security === 'starttls',
    ignoreTLS: security === 'none',
    ...(ca !== undefined && { tls: { ca } }),
    ...(user !== undefined && { auth: { user, pass: smtpPassword! } }),
    maxConnections: connections,
    connectionTimeout: milliseconds,
    greetingTimeout: milliseconds,
    socketTimeout: milliseconds,
    disableFileAccess: true,
    disableUrlAccess: true,
    ...(dkim && { dkim: { domainName: dkim.domain, keySelector: dkim.selector, privateKey: signingKey(dkimKey), headerFieldNames: signedHeaders } }),
  };
  // Loaded where it is used: not in the phases with a mailbox, and not in other processes.
  let opened: Promise<Mailer> | undefined;
  const transport = () => (opened ??= import('nodemailer').then(({ createTransport }) => createTransport(options)));
  return {
    async send({ from, to, ...message }) {
      await (await transport()).sendMail({ ...message, from, to, envelope: { from: from.address, to: [to.address] } });
    },
    close: () => void opened?.then((mailer) => mailer.close()),
  };
}

type Mailer = ReturnType<typeof createTransport>;

function signingKey(key: string | undefined): string {
  if (key === undefined) throw new Error('sys-email has dkim and no key: set the environment variable SYS_EMAIL_DKIM_KEY to a private key in PEM');
  // A variable of the environment often holds \n where a line ends.
  const pem = key.replaceAll('\\n', '\n');
  try {
    createPrivateKey(pem);
  } catch {
    throw new Error('the environment variable SYS_EMAIL_DKIM_KEY is no private key in PEM');
  }
  return pem;
}
