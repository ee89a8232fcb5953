import { once } from 'node:events';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';
import PostalMime, { type Email } from 'postal-mime';
import { SMTPServer } from 'smtp-server';

/** An e-mail that a mail server took, or was given and did not take. */
export interface TakenEmail {
  to: string;
  raw: Buffer;
  email: Email;
}

/** What a mail server says: nothing to take it, a status and text to refuse it; it may take its time. */
type Answer<G> = (given: G) => Promise<[number, string] | undefined> | [number, string] | undefined;

export interface MailServerOptions {
  /** The key and certificate that it encrypts with, after STARTTLS; without, it does not. */
  tls?: { key: string; cert: string };
  /** Who may hand e-mails over; everybody if absent. */
  login?: { user: string; password: string };
}

/** A real mail server, of others, which keeps what it takes. It answers as its test says. */
export async function startMailServer({ tls, login }: MailServerOptions = {}) {
  const taken: TakenEmail[] = [];
  const answers: { toAddress: Answer<string>; toMessage: Answer<TakenEmail> } = { toAddress: () => undefined, toMessage: () => undefined };
  const server = new SMTPServer({
    ...tls,
    authOptional: login === undefined,
    disabledCommands: [...(login ? [] : ['AUTH']), ...(tls ? [] : ['STARTTLS'])],
    onAuth: ({ username, password }, _, done) => (username === login?.user && password === login?.password ? done(null, { user: username }) : done(new Error('no such login'))),
    onRcptTo: ({ address }, _, done) => void answer(answers.toAddress, address, done),
    onData: (stream, { envelope }, done) => void buffer(stream).then(async (raw) => {
      const one: TakenEmail = { to: envelope.rcptTo[0]!.address, raw, email: await PostalMime.parse(raw) };
      await answer(answers.toMessage, one, (error) => {
        if (!error) taken.push(one);
        done(error);
      });
    }),
  });
  server.on('error', () => {});
  server.listen(0, '127.0.0.1');
  await once(server.server, 'listening');
  return {
    taken,
    answers,
    port: (server.server.address() as AddressInfo).port,
    stop: () => new Promise<void>((resolve) => server.close(() => resolve())),
  };
}

async function answer<G>(how: Answer<G>, given: G, done: (error?: Error | null) => void): Promise<void> {
  const refusal = await how(given);
  done(refusal && Object.assign(new Error(refusal[1]), { responseCode: refusal[0] }));
}
