import { setTimeout as sleep } from 'node:timers/promises';
import type { EmailLanguage, Sender } from '@mainstay/kernel';
import { putIntoMailbox } from '../mailbox/put-into-mailbox.ts';
import { hasMailbox, isSetUp, type EmailNeeds } from '../needs.ts';
import { valueProblems } from '../render/value-problems.ts';
import { unseal } from '../sealed.ts';
import { suppressionOf } from '../suppressions/suppress.ts';
import { textOfVersion } from '../templates/current-text.ts';
import { claimEmails, isAnyDue, renewClaims, type ClaimedEmail } from './claim-emails.ts';
import { composeMessage, type ComposedMessage } from './compose-message.ts';
import { endEmail, noteFailure, releaseEmail } from './end-email.ts';
import { failureOf, type Failure } from './smtp-failure.ts';
import { openSmtp, type SmtpTransport } from './smtp-transport.ts';

const STOP_MILLISECONDS = 4000;
/** A mail server took it: that must be noted, or it is sent once more. */
const NOTE_TRIES = 20;
const NOTE_MILLISECONDS = 250;
/** To the built-in mailbox. */
const AT_ONCE = 4;

/** Sends what is due, beside the queue of jobs: a mail server that does not answer holds up nothing but e-mails. */
export class EmailSender implements Sender {
  readonly #needs: EmailNeeds;
  readonly #smtp: SmtpTransport | undefined;
  readonly #atOnce: number;
  readonly #sending = new Map<string, Promise<void>>();
  #looking: Promise<void> | undefined;
  #renewed = performance.now();
  #isOver = false;

  constructor(needs: EmailNeeds) {
    this.#needs = needs;
    this.#smtp = hasMailbox(needs) || !isSetUp(needs) ? undefined : openSmtp(needs.config);
    this.#atOnce = needs.config.smtp?.connections ?? AT_ONCE;
    if (!isSetUp(needs)) needs.log.warn('no mail server is configured, so no e-mail can be sent: set modules.sys-email.smtp in the deployment file');
  }

  /** Begins to send what is due. */
  sendDue(): Promise<void> {
    return (this.#looking ??= this.#look().finally(() => (this.#looking = undefined)));
  }

  async #look(): Promise<void> {
    if (!isSetUp(this.#needs)) return;
    await this.#renew();
    while (!this.#isOver && this.#sending.size < this.#atOnce && (await this.#needs.db.read(isAnyDue))) {
      const claimed = await claimEmails(this.#needs, this.#atOnce - this.#sending.size);
      if (claimed.length === 0) return;
      for (const email of claimed) this.#begin(email);
    }
  }

  /** What is handed over slowly stays this process's own. */
  async #renew(): Promise<void> {
    const due = (this.#needs.config.claimSeconds * 1000) / 3;
    if (this.#sending.size === 0 || performance.now() - this.#renewed < due) return;
    this.#renewed = performance.now();
    await renewClaims(this.#needs, [...this.#sending.keys()]);
  }

  async stop(): Promise<void> {
    this.#isOver = true;
    await Promise.race([Promise.all(this.#sending.values()), sleep(STOP_MILLISECONDS, undefined, { ref: false })]);
    this.#smtp?.close();
    await Promise.race([Promise.all(this.#sending.values()), sleep(STOP_MILLISECONDS, undefined, { ref: false })]);
  }

  #begin(email: ClaimedEmail): void {
    if (this.#sending.size === 0) this.#renewed = performance.now();
    const failed = (message: string) => (error: unknown) => this.#needs.log.warn({ err: error, emailId: email.id }, message);
    const sent = this.#send(email).catch(failed('what became of an e-mail could not be noted: it is sent again'));
    this.#sending.set(email.id, sent);
    // Whatever waited for its place goes next, not at the next look.
    void sent.then(() => this.#sending.delete(email.id)).then(() => this.sendDue()).catch(failed('e-mails that are due could not be sent: it is tried again'));
  }

  async #send(email: ClaimedEmail): Promise<void> {
    const { db } = this.#needs;
    if (email.is_expired) return db.write((tx) => endEmail(tx, email, 'EXPIRED', 'its time was over'));
    const suppression = await db.read((q) => suppressionOf(q, email));
    if (suppression) return db.write((tx) => endEmail(tx, email, 'SUPPRESSED', suppression));
    const message = await this.#compose(email);
    if (typeof message === 'string') return db.write((tx) => endEmail(tx, email, 'FAILED', message));
    if (!this.#smtp) return db.write(async (tx) => {
      await putIntoMailbox(tx, email, message);
      await endEmail(tx, email, 'SENT', '', 1);
    });
    await this.#handOver(email, message);
  }

  /** The message, or why there is none. */
  async #compose(email: ClaimedEmail): Promise<ComposedMessage | string> {
    const { db, deployment } = this.#needs;
    const template = deployment.emails.find(email.template);
    if (!template) return 'no module brings its template any more';
    const values = email.sealed_values && unseal(deployment.secret, 'values', email.id, email.sealed_values);
    if (!values) return 'what it says was kept under another secret of the deployment';
    const text = await db.read((q) => textOfVersion(q, template, email.language as EmailLanguage, email.text_version));
    const filled = JSON.parse(values) as Record<string, string>;
    const problems = valueProblems(template, text, filled);
    return problems.length > 0 ? `its template was changed meanwhile: ${problems.slice(0, 5).join('; ')}` : composeMessage(this.#needs, email, text, filled);
  }

  async #handOver(email: ClaimedEmail, message: ComposedMessage): Promise<void> {
    const { db, config } = this.#needs;
    const failure = await this.#smtp!.send(message).then(() => undefined, (error: unknown): Failure => failureOf(error));
    if (!failure) return this.#note(() => db.write((tx) => endEmail(tx, email, 'SENT', '', 1)));
    // The connection was closed for the stop: nobody's failure, and another process sends it.
    if (this.#isOver && failure.outcome === 'RETRY') return db.write((tx) => releaseEmail(tx, email.id));
    await db.write((tx) => noteFailure(tx, email, failure, config.waitSeconds));
  }

  async #note(work: () => Promise<void>): Promise<void> {
    for (let left = NOTE_TRIES; ; left--) {
      try {
        return await work();
      } catch (error) {
        if (left === 0 || this.#isOver) throw error;
        await sleep(NOTE_MILLISECONDS);
      }
    }
  }
}
