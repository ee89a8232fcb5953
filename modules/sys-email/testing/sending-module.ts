import { create, fromJson, type JsonValue } from '@bufbuild/protobuf';
import type { Client, ServiceImpl } from '@connectrpc/connect';
import { defineModule, serve } from '@mainstay/kernel';
import { EchoService } from '@mainstay/kernel/testing';
import { z } from 'zod';
import { EmailService, SendEmailRequestSchema } from '../contract/index.ts';

/** Sends the e-mail that is written, as JSON, in the `string_value` of what it is asked to echo, and answers with its id. */
const sendingService = ({ email }: { email: Client<typeof EmailService> }): ServiceImpl<typeof EchoService> => ({
  ...unanswered,
  async echo({ specimen }) {
    const wanted = fromJson(SendEmailRequestSchema, JSON.parse(specimen!.stringValue) as JsonValue);
    const { emailId } = await email.sendEmail(create(SendEmailRequestSchema, wanted));
    return { text: emailId };
  },
});

/** What nobody asks for. */
const unanswered = Object.fromEntries(EchoService.methods.map(({ localName }) => [localName, () => Promise.reject(new Error('it only sends'))])) as unknown as ServiceImpl<typeof EchoService>;

/** A module that sends e-mail for whoever asks. */
export default defineModule({
  name: 'mod-probe',
  config: z.strictObject({}),
  requires: { email: EmailService },
  services: [serve(EchoService, sendingService)],
  access: [{ role: 'ADMIN', may: ['testing.*'] }],
  emails: new URL('./emails/', import.meta.url),
});
